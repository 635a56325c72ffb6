//! The style expression of the command line: `a`, or a blend `a:0.7,b:0.3`.

use std::fmt;
use std::str::FromStr;

/// Styles with weights that sum to 1, in the order given; never empty, no name twice.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression(Vec<(String, f32)>);

impl Expression {
    /// One style alone.
    pub fn single(name: impl Into<String>) -> Self {
        Self(vec![(name.into(), 1.0)])
    }

    /// `first` with `share`, from 0 to 1, of `second`.
    pub fn blend(first: &str, second: &str, share: f32) -> Self {
        Self(vec![(first.to_owned(), 1.0 - share), (second.to_owned(), share)])
    }

    /// The styles with their weights.
    pub fn terms(&self) -> &[(String, f32)] {
        &self.0
    }
}

impl FromStr for Expression {
    type Err = String;

    /// Parses `NAME[:WEIGHT],...`. A missing weight is 1; weights are scaled to sum to 1.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut terms: Vec<(String, f32)> = Vec::new();
        for term in text.split(',') {
            let (name, weight) = match term.split_once(':') {
                Some((name, weight)) => (name.trim(), parse_weight(weight.trim())?),
                None => (term.trim(), 1.0),
            };
            if name.is_empty() {
                return Err(format!("a style name is missing in '{text}'; write NAME or NAME:WEIGHT,NAME:WEIGHT"));
            }
            if terms.iter().any(|(known, _)| known == name) {
                return Err(format!("style '{name}' occurs twice; give it one weight"));
            }
            terms.push((name.to_owned(), weight));
        }
        scale_to_one(&mut terms)?;
        Ok(Self(terms))
    }
}

/// Scales the weights of `terms` to sum to 1.
pub(super) fn scale_to_one<T>(terms: &mut [(T, f32)]) -> Result<(), String> {
    let total: f32 = terms.iter().map(|(_, weight)| weight).sum();
    if !(total.is_finite() && total > 0.0) {
        return Err("the weights sum to 0; give one style a weight above 0".into());
    }
    terms.iter_mut().for_each(|(_, weight)| *weight /= total);
    Ok(())
}

/// A weight of the command line: a number from 0 up.
pub(super) fn parse_weight(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(weight) if (0.0..=1e6).contains(&weight) => Ok(weight),
        _ => Err(format!("'{text}' is not a weight; write a number from 0 up")),
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        show_terms(out, self.0.iter().map(|(name, weight)| (name, *weight)))
    }
}

/// Writes `NAME` of one term, `NAME:WEIGHT,NAME:WEIGHT` of more.
pub(super) fn show_terms<T: fmt::Display>(
    out: &mut impl fmt::Write,
    terms: impl ExactSizeIterator<Item = (T, f32)>,
) -> fmt::Result {
    let alone = terms.len() == 1;
    for (place, (name, weight)) in terms.enumerate() {
        let comma = if place == 0 { "" } else { "," };
        write!(out, "{comma}{name}")?;
        if !alone {
            write!(out, ":{}", (weight * 1e4).round() / 1e4)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(text: &str) -> Vec<(String, f32)> {
        text.parse::<Expression>().unwrap().0
    }

    #[test]
    fn weights_sum_to_one() {
        assert_eq!(terms("a"), [("a".to_owned(), 1.0)]);
        assert_eq!(terms("a,b"), [("a".to_owned(), 0.5), ("b".to_owned(), 0.5)]);
        assert_eq!(terms("a:3, b:1"), [("a".to_owned(), 0.75), ("b".to_owned(), 0.25)]);
    }

    #[test]
    fn nonsense_is_refused_with_a_reason() {
        for (text, reason) in [
            ("", "missing"),
            ("a,", "missing"),
            ("a:x", "not a weight"),
            ("a:-1", "not a weight"),
            ("a:NaN", "not a weight"),
            ("a:0", "sum to 0"),
            ("a,a", "twice"),
        ] {
            let error = text.parse::<Expression>().unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_shown_parses_to_the_same() {
        assert_eq!("a:0.7,b:0.3".parse::<Expression>().unwrap().to_string(), "a:0.7,b:0.3");
        assert_eq!("a:2".parse::<Expression>().unwrap().to_string(), "a");
    }
}
