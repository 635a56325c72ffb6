//! Style expressions: one style, `scream`, or a blend, `scream:0.7,udnie:0.3`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A style expression: style names with weights, as `--style` takes it.
///
/// It holds at least one style and no name twice, in the order given. The weights sum to 1. Parsing does not check that
/// the styles exist; [`Studio::painter`](crate::Studio::painter) does.
///
/// ```
/// use impasto::styles::Expression;
///
/// let blend: Expression = "scream:3,udnie".parse()?;
/// assert_eq!(blend.terms(), [("scream".to_owned(), 0.75), ("udnie".to_owned(), 0.25)]);
/// assert_eq!(blend.to_string(), "scream:0.75,udnie:0.25");
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Expression(Vec<(String, f32)>);

impl Expression {
    /// A single style.
    pub fn single(name: impl Into<String>) -> Self {
        Self(vec![(name.into(), 1.0)])
    }

    /// A blend of `first` and `second`, where `second` has the weight `share`, 0 to 1.
    pub fn blend(first: &str, second: &str, share: f32) -> Self {
        Self(vec![(first.to_owned(), 1.0 - share), (second.to_owned(), share)])
    }

    /// The style names with their weights.
    pub fn terms(&self) -> &[(String, f32)] {
        &self.0
    }
}

impl FromStr for Expression {
    type Err = String;

    /// Parses `NAME[:WEIGHT],...`. A missing weight counts as 1; the weights are scaled to sum to 1. The error is a clause.
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
                return Err(format!("style '{name}' is listed twice; give it one weight"));
            }
            terms.push((name.to_owned(), weight));
        }
        scale_to_one(&mut terms)?;
        Ok(Self(terms))
    }
}

impl TryFrom<String> for Expression {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Expression> for String {
    fn from(expression: Expression) -> Self {
        expression.to_string()
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

/// Parses a weight: a number from 0 to a million.
pub(super) fn parse_weight(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(weight) if (0.0..=1e6).contains(&weight) => Ok(weight),
        _ => Err(format!("'{text}' is not a weight; write a number, 0 or more")),
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        show_terms(out, self.0.iter().map(|(name, weight)| (name, *weight)))
    }
}

/// Writes `NAME` for a single term, `NAME:WEIGHT,NAME:WEIGHT` for several.
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
    fn an_invalid_expression_is_refused_with_a_reason() {
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
    fn the_displayed_text_parses_to_the_same_expression() {
        assert_eq!("a:0.7,b:0.3".parse::<Expression>().unwrap().to_string(), "a:0.7,b:0.3");
        assert_eq!("a:2".parse::<Expression>().unwrap().to_string(), "a");
    }
}
