//! JSON text as JavaScript reads it, by a parser that shares nothing with the one that is tested. It takes good text
//! only.

use std::collections::BTreeMap;

/// A value in JavaScript: numbers are doubles, strings are UTF-16, of two members with one name the last counts.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    Null,
    Boolean(bool),
    Number(f64),
    String(Vec<u16>),
    Array(Vec<Seen>),
    Object(BTreeMap<Vec<u16>, Seen>),
}

pub fn see(text: &[u8]) -> Seen {
    let mut rest = std::str::from_utf8(text).unwrap().chars().collect::<Vec<_>>();
    rest.reverse();
    let value = value(&mut rest);
    assert_eq!(next(&mut rest), None, "text behind the value");
    value
}

/// The characters that are left, the next one last.
type Rest = Vec<char>;

/// The next character that is no space, not taken.
fn next(rest: &mut Rest) -> Option<char> {
    while rest.pop_if(|c| matches!(c, ' ' | '\t' | '\n' | '\r')).is_some() {}
    rest.last().copied()
}

fn take(rest: &mut Rest, wanted: char) -> bool {
    next(rest) == Some(wanted) && rest.pop().is_some()
}

fn value(rest: &mut Rest) -> Seen {
    match next(rest).unwrap() {
        '"' => Seen::String(string(rest)),
        '[' => {
            rest.pop();
            let mut elements = Vec::new();
            while !take(rest, ']') {
                elements.push(value(rest));
                take(rest, ',');
            }
            Seen::Array(elements)
        }
        '{' => {
            rest.pop();
            let mut members = BTreeMap::new();
            while !take(rest, '}') {
                next(rest);
                let name = string(rest);
                assert!(take(rest, ':'));
                members.insert(name, value(rest));
                take(rest, ',');
            }
            Seen::Object(members)
        }
        _ => {
            let mut word = String::new();
            while let Some(c) = rest.pop_if(|c| c.is_ascii_alphanumeric() || "+-.".contains(*c)) {
                word.push(c);
            }
            match word.as_str() {
                "null" => Seen::Null,
                "true" | "false" => Seen::Boolean(word == "true"),
                number => Seen::Number(number.parse().unwrap()),
            }
        }
    }
}

fn string(rest: &mut Rest) -> Vec<u16> {
    assert_eq!(rest.pop(), Some('"'));
    let mut units = Vec::new();
    loop {
        let character = match rest.pop().unwrap() {
            '"' => return units,
            '\\' => match rest.pop().unwrap() {
                'u' => {
                    let digits: String = (0..4).map(|_| rest.pop().unwrap()).collect();
                    units.push(u16::from_str_radix(&digits, 16).unwrap());
                    continue;
                }
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                itself => itself,
            },
            plain => plain,
        };
        units.extend(character.encode_utf16(&mut [0; 2]).iter());
    }
}
