//! One conversation: a line of command, a line of answer.

use libfast_testkit::ChaosProxy;
use libfast_testkit::chaos::Command;
use std::io;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

/// Longest line of command.
const MOST_LINE_BYTES: u64 = 64 << 10;

pub struct Session<I, O> {
    input: BufReader<I>,
    output: O,
}

/// How a session ended.
#[derive(Debug, Default)]
pub struct End {
    /// So many commands were wrong.
    pub wrong: usize,
    /// `quit` was the last.
    pub quit: bool,
}

impl<I: AsyncRead + Unpin, O: AsyncWrite + Unpin> Session<I, O> {
    pub fn new(input: I, output: O) -> Self {
        Self { input: BufReader::new(input), output }
    }

    /// Runs until the input ends, nobody reads the answers, or `quit`. Empty lines and those that begin with `#` are no
    /// commands.
    pub async fn run(mut self, proxy: &ChaosProxy) -> End {
        let mut end = End::default();
        while let Ok(Some(line)) = self.line().await {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let text = match line.parse::<Command>() {
                Ok(command) => {
                    end.quit = command == Command::Quit;
                    command.run(proxy).await.unwrap_or_else(|| "ok".into())
                }
                Err(error) => {
                    end.wrong += 1;
                    format!("error: {error}")
                }
            };
            if answer(&mut self.output, &text).await.is_err() || end.quit {
                break;
            }
        }
        end
    }

    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = vec![];
        let read = (&mut self.input).take(MOST_LINE_BYTES).read_until(b'\n', &mut line).await?;
        if read as u64 == MOST_LINE_BYTES && !line.ends_with(b"\n") {
            answer(
                &mut self.output,
                &format!("error: a line has more than {MOST_LINE_BYTES} bytes; goodbye"),
            )
            .await?;
            return Ok(None);
        }
        Ok((read > 0).then(|| String::from_utf8_lossy(&line).into_owned()))
    }
}

/// Writes one line at once.
pub async fn answer(output: &mut (impl AsyncWrite + Unpin), text: &str) -> io::Result<()> {
    output.write_all(format!("{text}\n").as_bytes()).await?;
    output.flush().await
}
