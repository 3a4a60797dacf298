//! What was counted, and what is kept in memory.

use super::{cell, head, row};
use crate::memory::{BYTES_PER_SECOND, CONNECTIONS, IDLE_BAR, STREAM_BAR, STREAMED};
use crate::plot::number;
use crate::results::Results;

pub fn render(results: &Results) -> String {
    counts(results) + &memory(results)
}

fn counts(results: &Results) -> String {
    if results.counts.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "\n## Counted for each call\n\nOf client and server apart; the start and the end of the processes are taken off. \
         System calls and context switches are counted by the kernel's own counters, allocations between the program and the \
         C library. Where many calls are under way several of them share a system call.\n\n",
    );
    text.push_str(&head(&[
        "",
        "workload",
        "system calls",
        "context switches",
        "allocations",
        "bytes allocated",
    ]));
    for count in &results.counts {
        text.push_str(&row([
            format!("{} {}", count.contender, count.side),
            count.workload.clone(),
            cell(count.system_calls),
            cell(count.context_switches),
            cell(count.allocations),
            cell(count.allocated_bytes),
        ]));
    }
    text
}

fn memory(results: &Results) -> String {
    if results.memory.is_empty() {
        return String::new();
    }
    let mib = |bytes: f64| bytes / (1024.0 * 1024.0);
    let mut text = format!(
        "\n## Memory of the server\n\nResident memory, without what the kernel keeps for sockets: for each of {} idle connections, and the \
         most that came on top while {} bytes of a stream went to a reader that takes {} a second. The bars of libfast are \
         {} KiB for a connection and {} MiB for the stream.\n\n",
        number(CONNECTIONS as f64),
        number(STREAMED as f64),
        number(BYTES_PER_SECOND as f64),
        IDLE_BAR / 1024.0,
        mib(STREAM_BAR),
    );
    text.push_str(&head(&["", "opened, KiB", "after one call, KiB", "stream, MiB", "libfast's bars"]));
    for memory in &results.memory {
        let kept =
            memory.called_bytes.max(memory.opened_bytes) <= IDLE_BAR && memory.streamed_bytes <= STREAM_BAR;
        text.push_str(&row([
            memory.contender.clone(),
            cell(Some(memory.opened_bytes / 1024.0)),
            cell(Some(memory.called_bytes / 1024.0)),
            cell(Some(mib(memory.streamed_bytes))),
            match memory.contender.as_str() {
                "libfast" if kept => "kept".into(),
                "libfast" => "**missed**".into(),
                _ => String::new(),
            },
        ]));
    }
    text
}
