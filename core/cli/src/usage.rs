//! Wrong command lines: `TOOL: MESSAGE`, how the tool is used, and what to do, as scripts know it from node-fast.

use crate::exit::Exit;
use crate::output;
use clap::Command;

/// Says what is wrong with a command line; an empty `help` means that there is no more to say.
pub fn fail(tool: &str, message: &str, help: &str) -> Exit {
    let mut all = crate::command().multicall(true);
    all.build();
    let usage = all.find_subcommand_mut(tool).map(Command::render_usage).unwrap_or_default();
    let usage = usage.to_string();
    say(tool, message, usage.trim_start_matches(CLAPS).trim(), help)
}

/// Says what the parser of options found, and ends the process; also for `--help` and `--version`, which it finds, too.
pub fn end(error: &clap::Error, program: &str) -> ! {
    let text = error.render().to_string();
    let Some(found) = text.strip_prefix("error: ") else { error.exit() };
    let (found, _) = found.split_once("\n\nFor more information").unwrap_or((found, ""));
    let exit = match found.split_once(CLAPS) {
        Some((found, usage)) => say(program, &found.trim_end().replace("\n\n", "\n"), usage, ""),
        None => fail(program, found, ""),
    };
    std::process::exit(exit as i32)
}

fn say(program: &str, message: &str, usage: &str, help: &str) -> Exit {
    let help = if help.is_empty() { format!("see `{program} --help`") } else { help.to_owned() };
    output::say(&format!("{program}: {message}\nusage: {usage}\n  help: {help}"));
    Exit::Usage
}

/// What a usage begins with where the parser of options writes it.
const CLAPS: &str = "Usage: ";
