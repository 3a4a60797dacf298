//! Dubbo's interface level: `<root>/<interface>/providers/<URL>`, where the whole URL, percent-encoded, is the name of the
//! node. It is read only: nobody but Dubbo serves what such a URL promises.

use super::{address, junk};
use libfast_model::{Address, Endpoint, Result};
use libfast_registry::Record;
use std::borrow::Cow;

/// Longest name that is read.
const MOST_BYTES: usize = 64 << 10;

/// What the name of a provider's node says. Who is disabled gets no calls.
pub fn decode(name: &str) -> Result<Record> {
    if name.len() > MOST_BYTES {
        return Err(junk(format!("a name of {} bytes is longer than {MOST_BYTES}", name.len())));
    }
    let url = unescape(name)?;
    let (_, rest) = url.split_once("://").ok_or_else(|| junk("its name is no URL".into()))?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    // A user and password may come before. What is told of junk has neither.
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
    let authority = place.split('/').next().unwrap_or_default();
    let parsed = authority
        .parse::<Address>()
        .map_err(|_| junk("its URL names no address that can be called".into()))?;
    let Address::Tcp { host, port } = parsed else { return Err(junk("its URL names no host".into())) };

    let parameter = |name: &str| {
        let mut parameters = query.split('&').filter_map(|parameter| parameter.split_once('='));
        parameters.find_map(|(one, value)| (one == name).then_some(value))
    };
    let is_disabled = parameter("enabled") == Some("false") || parameter("disabled") == Some("true");
    let weight = match parameter("weight") {
        Some(weight) => weight.parse().map_err(|_| junk(format!("the weight {weight:?} is no number")))?,
        None => Endpoint::DEFAULT_WEIGHT,
    };
    Ok(Record {
        address: address(&host, port),
        weight: if is_disabled { 0 } else { weight },
        name: parameter("application").unwrap_or_default().to_owned(),
        started_ms: parameter("timestamp").and_then(|text| text.parse().ok()).unwrap_or(0),
        ..super::unknown()
    })
}

/// The name without user and password, which may stand before the host.
pub fn shown(name: &str) -> Cow<'_, str> {
    // As long as the name itself, so that places in one are places in the other.
    let lower = name.to_ascii_lowercase();
    let after = |text: &str, mark: &str| text.find(mark).map(|at| at + mark.len());
    let start = after(&lower, "%3a%2f%2f").or_else(|| after(&lower, "://")).unwrap_or(0);
    let until = |marks: &[&str], from: usize| {
        let rest = &lower[from..];
        from + marks.iter().filter_map(|mark| rest.find(mark)).min().unwrap_or(rest.len())
    };
    let end = until(&["%3f", "?"], start);
    let host = ["%40", "@"].iter().filter_map(|mark| Some(lower[start..end].rfind(mark)? + mark.len())).max();
    let host = start + host.unwrap_or(0);
    let authority = unescape(&name[host..until(&["%2f", "/"], host).min(end)]);
    let has_more = ["%40", "@"].iter().any(|mark| lower[end..].contains(mark));
    match authority.is_ok_and(|text| text.parse::<Address>().is_ok()) {
        // The password itself may have the mark that ends the place.
        false if has_more => format!("{}…", &name[..start]).into(),
        _ if host == start => name.into(),
        _ => format!("{}{}", &name[..start], &name[host..]).into(),
    }
}

/// Takes percent-encoding away.
fn unescape(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digit = |at: usize| after.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(0), digit(1)) else {
            return Err(junk("its name has a % that no two digits follow".into()));
        };
        bytes.push((high * 16 + low) as u8);
        rest = &after[2..];
    }
    String::from_utf8(bytes).map_err(|_| junk("its name is no UTF-8".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Dubbo 2.7 and 3 name their nodes.
    #[test]
    fn golden() {
        let name = "dubbo%3A%2F%2F10.0.0.5%3A20880%2Forg.apache.dubbo.demo.DemoService%3Fanyhost%3Dtrue%26application%3Ddemo-provider%26dubbo%3D2.0.2%26dynamic%3Dtrue%26interface%3Dorg.apache.dubbo.demo.DemoService%26methods%3DsayHello%26side%3Dprovider%26timestamp%3D1700000000000%26weight%3D7";
        let read = decode(name).unwrap();
        let seen = (read.address.as_str(), read.weight, read.name.as_str(), read.started_ms);
        assert_eq!(seen, ("10.0.0.5:20880", 7, "demo-provider", 1_700_000_000_000));
        let plain = decode("tri%3A%2F%2Fuser%3Apass%40%5B%3A%3A1%5D%3A50051%2Fx.Y").unwrap();
        assert_eq!((plain.address.as_str(), plain.weight), ("[::1]:50051", 100));
        assert_eq!(decode("dubbo%3A%2F%2Fh%3A1%2Fx%3Fenabled%3Dfalse").unwrap().weight, 0);
    }

    #[test]
    fn no_password_is_shown() {
        for (name, expected) in [
            ("tri%3A%2F%2Fuser%3Apass%40%5B%3A%3A1%5D%3A5%2Fx.Y", "tri%3A%2F%2F%5B%3A%3A1%5D%3A5%2Fx.Y"),
            ("tri%3a%2f%2fuser%3apa%2fss%40h%3a5%2fx", "tri%3a%2f%2fh%3a5%2fx"),
            ("tri://user:p@ss@h:5/x?a=b@c", "tri://h:5/x?a=b@c"),
            ("user:pass@h", "h"),
            ("dubbo%3A%2F%2Fu%3Apa%3Fss%40h%3A1%2Fx", "dubbo%3A%2F%2F…"),
            ("dubbo://u@v:pa?ss@h:1/x", "dubbo://…"),
            (
                "tri%3A%2F%2F%5B%3A%3A1%5D%3A5%3Fowner%3Da%40b",
                "tri%3A%2F%2F%5B%3A%3A1%5D%3A5%3Fowner%3Da%40b",
            ),
            ("dubbo%3A%2F%2Fh%3A1%2Fx%3Fowner%3Da%40b", "dubbo%3A%2F%2Fh%3A1%2Fx%3Fowner%3Da%40b"),
            ("Ä%", "Ä%"),
        ] {
            assert_eq!(shown(name), expected);
        }
        for junk in ["a://user:pass@h/x", "a://user:pa/ss@h:1/x?weight=x", "a://user:pass/x"] {
            let told = decode(junk).unwrap_err();
            assert!(!told.message().contains("pa"), "{told}");
        }
    }

    #[test]
    fn junk_is_refused() {
        for name in [
            "",
            "junk",
            "%",
            "%4",
            "%zz",
            "%ff%3A%2F%2F",
            "dubbo%3A%2F%2F%2Fx",
            "dubbo%3A%2F%2Fh%3A70000%2Fx",
            "a://h:1/x?weight=x",
        ] {
            assert!(decode(name).is_err(), "{name}");
        }
    }
}
