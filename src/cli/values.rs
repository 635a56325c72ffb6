//! What flags take: numbers of a range, and names that stand for something.

use std::fmt::Display;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};

/// Takes one of the names, and stands for its value.
pub(super) fn one_of<T: Copy + Send + Sync + 'static>(
    names: &'static [(T, &'static str)],
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(names.iter().map(|(_, name)| *name)).try_map(|text: String| {
        let found = names.iter().find(|(_, name)| *name == text);
        found.map(|(value, _)| *value).ok_or("no such name")
    })
}

/// The name that stands for the value.
pub(super) fn name_of<T: PartialEq>(names: &'static [(T, &'static str)], value: T) -> &'static str {
    names.iter().find(|(named, _)| *named == value).map_or("", |(_, name)| name)
}

/// Takes a number of the range.
pub(super) fn within<T>(range: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: FromStr + PartialOrd + Display + Clone + Send + Sync + 'static,
{
    move |text| {
        let number: T = text.parse().map_err(|_| "not a number".to_owned())?;
        let wrong = || format!("must be from {} to {}", range.start(), range.end());
        if range.contains(&number) { Ok(number) } else { Err(wrong()) }
    }
}

/// Takes a number of processor cores.
pub(super) fn cores(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "must be a number, 1 or more".to_owned())
}

/// Takes an address with a port.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let example = match text.parse::<u16>() {
        Ok(port) => format!("127.0.0.1:{port}"),
        Err(_) => "127.0.0.1:8080".to_owned(),
    };
    text.parse().map_err(|_| format!("write an IP address and a port, such as {example}"))
}

/// Takes what can stand in an address as it is.
pub(super) fn token(text: &str) -> Result<String, String> {
    let is_plain = text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if is_plain { Ok(text.to_owned()) } else { Err("must be 8 or more letters, digits, '-', '_' or '.'".to_owned()) }
}
