//! The tools as users run them: real processes, found by name, judged by what they print and how they end.

mod bench;
mod bench_classic;
mod bench_ends;
mod call;
mod call_forms;
mod call_trace;
mod exec;
mod ls;
mod ls_zookeeper;
mod methods;
mod monitor;
mod operate;
mod operate_zookeeper;
mod serve;
mod support;
mod usage;
