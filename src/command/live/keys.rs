//! What the keys of the window do.

use crate::show::{Settings, Show};
use crate::sink::window::Key;
use crate::style::expression::Expression;

const HELP: [&str; 15] = [
    "left right  previous, next style",
    "b           blend with the next style",
    ", .         less, more of the second",
    "up down     strength",
    "[ ]         stroke size",
    "k           keep the colours",
    "c           compare with the original",
    "m           mirror",
    "space       freeze",
    "s           save a snapshot (PNG)",
    "r           start, stop recording",
    "f           full screen",
    "h           hide help, hide numbers",
    "?           this help",
    "q Esc       end the show",
];

/// The help: what the keys do, and all styles, with the number keys of the first nine.
pub fn help(styles: &[String]) -> Vec<String> {
    let keys = (1..=9).map(|number| number.to_string()).chain(std::iter::repeat(" ".to_owned()));
    let styles = keys.zip(styles).map(|(key, style)| format!("{key}  {style}"));
    // In a column of their own.
    HELP.map(str::to_owned).into_iter().chain([String::new()]).chain(styles).collect()
}

/// What a key requests beyond the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Save the picture.
    Snapshot,
    /// Show or hide the numbers.
    Numbers,
    /// Open the help, turn its page, or close it.
    Help,
    /// Toggle full screen.
    FullScreen,
}

/// Changes the show as `key` says, or returns what else it requests.
pub fn press(key: Key, show: &Show) -> Option<Wish> {
    let styles = show.styles();
    match key {
        Key::Char('s') => return Some(Wish::Snapshot),
        Key::Char('h') => return Some(Wish::Numbers),
        Key::Char('?') => return Some(Wish::Help),
        Key::Char('f') => return Some(Wish::FullScreen),
        Key::Left => show.change(|settings| step(settings, styles, -1)),
        Key::Right | Key::Char('n') => show.change(|settings| step(settings, styles, 1)),
        Key::Char(digit @ '1'..='9') => {
            let place = digit as usize - '1' as usize;
            if let Some(name) = styles.get(place) {
                show.change(|settings| settings.style = Expression::single(name));
            }
        }
        Key::Char('b') => show.change(|settings| blend(settings, styles)),
        Key::Char(',') => show.change(|settings| shift(settings, -0.1)),
        Key::Char('.') => show.change(|settings| shift(settings, 0.1)),
        Key::Up => show.change(|settings| settings.strength = tenths(settings.strength + 0.1)),
        Key::Down => show.change(|settings| settings.strength = tenths(settings.strength - 0.1)),
        Key::Char(']') => show.change(|settings| settings.scale *= STROKE_STEP),
        Key::Char('[') => show.change(|settings| settings.scale /= STROKE_STEP),
        Key::Char('k') => show.change(|settings| settings.keep_colors ^= true),
        Key::Char('c') => show.change(|settings| settings.compare ^= true),
        Key::Char('m') => show.change(|settings| settings.mirror ^= true),
        Key::Char(' ') => show.change(|settings| settings.freeze ^= true),
        Key::Char('r') => show.change(|settings| settings.record ^= true),
        Key::Char(_) | Key::Enter => {}
    }
    None
}

/// Four key presses double the strokes.
const STROKE_STEP: f32 = 1.189_207_1;

fn tenths(value: f32) -> f32 {
    (value * 10.0).round() / 10.0
}

/// The place of the current style (of a blend, its first) among `styles`.
fn place(settings: &Settings, styles: &[String]) -> Option<usize> {
    let name = &settings.style.terms().first()?.0;
    styles.iter().position(|style| style == name)
}

/// Goes to the style `by` places further, wrapping around.
fn step(settings: &mut Settings, styles: &[String], by: isize) {
    let count = styles.len().cast_signed();
    if count == 0 {
        return;
    }
    let next = place(settings, styles).map_or(0, |place| (place.cast_signed() + by).rem_euclid(count).cast_unsigned());
    settings.style = Expression::single(&styles[next]);
}

/// Blends the style half and half with the next one; reduces a blend to its first style.
fn blend(settings: &mut Settings, styles: &[String]) {
    let first = settings.style.terms().first().map(|(name, _)| name.clone()).unwrap_or_default();
    if settings.style.terms().len() > 1 {
        settings.style = Expression::single(first);
    } else {
        // The unstyled picture has no place of its own: it blends with the first style.
        let next = place(settings, styles).map_or(0, |place| place + 1) % styles.len().max(1);
        if let Some(next) = styles.get(next).filter(|next| **next != first) {
            settings.style = Expression::blend(&first, next, 0.5);
        }
    }
}

/// Gives the second style of a blend `by` more.
fn shift(settings: &mut Settings, by: f32) {
    if let [(first, _), (second, share)] = settings.style.terms() {
        settings.style = Expression::blend(first, second, tenths(share + by).clamp(0.0, 1.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::Stop;

    fn show() -> Show {
        let settings = Settings::plain(Expression::single("a"));
        Show::new(["a", "b", "c"].map(String::from).to_vec(), settings, Stop::default())
    }

    fn after(keys: &[Key]) -> Settings {
        let show = show();
        keys.iter().for_each(|&key| assert_eq!(press(key, &show), None));
        show.settings()
    }

    fn style_after(keys: &[Key]) -> String {
        after(keys).style.to_string()
    }

    #[test]
    fn styles_are_stepped_through_around_the_end_and_named_by_number() {
        assert_eq!(style_after(&[Key::Right]), "b");
        assert_eq!(style_after(&[Key::Left]), "c");
        assert_eq!(style_after(&[Key::Left, Key::Right, Key::Right]), "b");
        assert_eq!(style_after(&[Key::Char('3')]), "c");
        assert_eq!(style_after(&[Key::Char('9')]), "a");
    }

    #[test]
    fn the_help_lists_all_styles_and_the_number_keys_of_nine() {
        let help = help(&["starry-night", "scream"].map(String::from));
        assert_eq!(help[help.len() - 2..], ["1  starry-night", "2  scream"]);
        let many: Vec<String> = (0..30).map(|number| format!("style-{number}")).collect();
        let help = super::help(&many);
        assert_eq!(help[help.len() - 22..][..2], ["9  style-8", "   style-9"]);
        assert_eq!(help[help.len() - 1], "   style-29");
    }

    #[test]
    fn the_unstyled_picture_is_never_stepped_to_and_can_be_left_and_blended() {
        let show = || {
            let settings = Settings::plain(Expression::single("photo"));
            Show::new(["a", "b"].map(String::from).to_vec(), settings, Stop::default())
                .with_unstyled(vec!["photo".into()])
        };
        let style_after = |keys: &[Key]| {
            let show = show();
            keys.iter().for_each(|&key| assert_eq!(press(key, &show), None));
            show.settings().style.to_string()
        };
        assert_eq!(style_after(&[Key::Right]), "a");
        assert_eq!([1, 2, 3].map(|count| style_after(&vec![Key::Right; count])), ["a", "b", "a"]);
        assert_eq!(style_after(&[Key::Char('b')]), "photo:0.5,a:0.5");
    }

    #[test]
    fn two_styles_are_blended_and_shifted_and_parted() {
        let b = Key::Char('b');
        assert_eq!(style_after(&[b]), "a:0.5,b:0.5");
        assert_eq!(style_after(&[b, Key::Char('.'), Key::Char('.')]), "a:0.3,b:0.7");
        assert_eq!(style_after(&[b, Key::Char(',')]), "a:0.6,b:0.4");
        assert_eq!(style_after(&[b, b]), "a");
        // From one end to the other and back: the blend stays a blend.
        let ends: Vec<Key> = [b].into_iter().chain([Key::Char('.'); 9]).chain([Key::Char(','); 2]).collect();
        assert_eq!(style_after(&ends), "a:0.2,b:0.8");
        assert_eq!(style_after(&[Key::Char('.')]), "a");
    }

    #[test]
    fn numbers_stay_in_their_ranges() {
        assert_eq!(after(&[Key::Down, Key::Down]).strength, 0.8);
        assert_eq!(after(&[Key::Up]).strength, 1.0);
        assert_eq!(after(&[Key::Down; 12]).strength, 0.0);
        assert!((after(&[Key::Char(']'); 4]).scale - 2.0).abs() < 1e-4);
        assert_eq!(after(&[Key::Char('['); 99]).scale, 0.05);
    }

    #[test]
    fn switches_switch_and_wishes_are_passed_on() {
        let settings = after(&[Key::Char('k'), Key::Char('m'), Key::Char('c'), Key::Char(' '), Key::Char('r')]);
        assert!(settings.keep_colors && settings.mirror && settings.compare && settings.freeze && settings.record);
        assert!(!after(&[Key::Char('m'), Key::Char('m')]).mirror);
        assert_eq!(press(Key::Char('s'), &show()), Some(Wish::Snapshot));
        assert_eq!(press(Key::Char('h'), &show()), Some(Wish::Numbers));
    }
}
