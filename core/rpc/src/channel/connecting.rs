//! Making one connection.

use super::Channel;
use crate::connection::{Bounds, Connection, Duties};
use crate::reserved::Introduction;
use crate::socket::{Reader, Socket};
use libfast_model::{Address, ClientOptions, Error, ErrorKind, Result};
use libfast_protocol::{ClientWire, Limits, Version};
use std::time::Duration;

impl Channel {
    pub(super) async fn connect(&self) -> Result<(Connection, Reader)> {
        let limit = Duration::from_millis(self.options.connect_timeout_ms);
        let unacknowledged = Duration::from_millis(self.options.unacknowledged_ms);
        let connecting = Socket::connect(&self.address, unacknowledged);
        let (reason, why) = match tokio::time::timeout(limit, connecting).await {
            Ok(Ok((socket, reader))) => {
                let bounds = Bounds {
                    inbox_bytes: self.options.stream_buffer_bytes as usize,
                    unwritten_bytes: self.options.write_limit_bytes as usize,
                };
                let introduction = || Introduction::to_args(&self.options.client_name);
                let watch = self.options.watch_servers.then(introduction);
                let duties = Duties { load: self.load.clone(), watch };
                let (address, wire) = (Address::clone(&self.address), wire(&self.options));
                let connection = Connection::new(socket, address, wire, bounds, duties, self.meter.as_ref());
                return Ok((connection, reader));
            }
            Ok(Err(error)) => {
                let reason = reason(&error);
                self.lock().was_gone |= reason == "refused";
                (reason, error.to_string())
            }
            Err(_) => {
                ("timeout", format!("no answer within `connect_timeout_ms` of {} ms", limit.as_millis()))
            }
        };
        if let Some(meter) = &self.meter {
            meter.connect_failed(reason);
        }
        let message = format!("cannot connect to {}: {why}; check that a server listens there", self.address);
        Err(Error::new(ErrorKind::Connect, message).at(&self.address))
    }
}

/// Why no connection could be made, in one word for the metrics.
fn reason(error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind::*;
    match error.kind() {
        ConnectionRefused => "refused",
        TimedOut => "timeout",
        HostUnreachable | NetworkUnreachable | NetworkDown | AddrNotAvailable => "unreachable",
        NotFound => "unresolved",
        // A host name that was not found is no error of a system call.
        _ if error.raw_os_error().is_none() => "unresolved",
        _ => "other",
    }
}

fn wire(options: &ClientOptions) -> ClientWire {
    ClientWire {
        version: if options.wire_version == 1 { Version::V1 } else { Version::V2 },
        checksum_v1: options.checksum_v1,
        limits: Limits {
            max_frame_bytes: options.max_frame_bytes as usize,
            max_depth: options.max_depth as usize,
            max_name_bytes: options.max_name_bytes as usize,
        },
        ignore_nulls: options.ignore_null_values,
        send_deadline: options.send_deadline,
    }
}
