//! A network of its own, in which packets are lost as a row says, and nobody else's.

use crate::report::Trouble;
use rustix::process::Pid;
use std::process::{Child, Command, Stdio};

/// A network namespace, which goes when this is dropped and what runs in it has ended.
pub struct Network {
    /// Keeps it: ends with its input.
    holder: Child,
}

impl Network {
    /// One with its loopback up. Where that may not be made, the row is skipped.
    pub fn new() -> Result<Self, Trouble> {
        // `cat` says that it is there, and holds the namespace until its input ends.
        let mut command = Command::new("unshare");
        command.args(["--net", "--", "sh", "-c", "ip link set lo up && echo up && exec cat"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let missing = |what: &str| Trouble::Skipped(format!("it needs a network of its own: {what}"));
        let mut holder = command.spawn().map_err(|error| missing(&format!("unshare: {error}")))?;
        let mut line = [0; 3];
        let mut output = holder.stdout.take().ok_or("no output")?;
        if std::io::Read::read_exact(&mut output, &mut line).is_err() {
            let error = holder.wait_with_output()?.stderr;
            return Err(missing(String::from_utf8_lossy(&error).trim()));
        }
        let network = Self { holder };
        for line in
            ["add table inet faults", "add chain inet faults lost { type filter hook input priority 0; }"]
        {
            network.nft(line).map_err(|why| missing(&format!("nft (of the package nftables): {why}")))?;
        }
        Ok(network)
    }

    /// What to start a program with, so that it runs in there.
    pub fn prefix(&self) -> Vec<String> {
        let pid = Pid::from_child(&self.holder).as_raw_nonzero().to_string();
        ["nsenter", "--target", &pid, "--net", "--"].map(str::to_owned).to_vec()
    }

    /// Loses the packets that a rule of nft matches, from now on.
    pub fn lose(&self, rule: &str) -> Result<(), String> {
        self.nft(&format!("add rule inet faults lost {rule}"))
    }

    /// Loses nothing any more.
    pub fn heal(&self) -> Result<(), String> {
        self.nft("flush chain inet faults lost")
    }

    fn nft(&self, command: &str) -> Result<(), String> {
        let prefix = self.prefix();
        let nft = Command::new(&prefix[0]).args(&prefix[1..]).args(["nft", command]).output();
        let nft = nft.map_err(|error| error.to_string())?;
        if nft.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&nft.stderr).trim().to_owned())
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
