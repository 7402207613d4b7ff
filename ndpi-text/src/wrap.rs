//! Lines within a width.

/// Spaces before what goes on in the next line.
const INDENT: usize = 4;

/// A line, broken between words so that none is wider than `width`, as far as that can be. What goes on below begins
/// further to the right. A character takes a column.
pub fn wrapped(line: &str, width: usize) -> String {
    let (mut text, mut used) = (String::new(), 0);
    for word in line.split(' ') {
        let length = word.chars().count();
        // Spaces that are there for the eye stay where they are.
        if used > INDENT && !word.is_empty() && used + 1 + length > width {
            text.truncate(text.trim_end().len());
            text.push('\n');
            text.extend(std::iter::repeat_n(' ', INDENT));
            used = INDENT;
        } else if used > 0 || !text.is_empty() {
            text.push(' ');
            used += 1;
        }
        text.push_str(word);
        used += length;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn words_that_have_no_room_go_on_below() {
        assert_eq!(wrapped("one two  three four", 80), "one two  three four");
        assert_eq!(wrapped("one two  three four", 9), "one two\n    three\n    four");
        assert_eq!(
            wrapped("a-word-without-any-break and more", 10),
            "a-word-without-any-break\n    and\n    more"
        );
        assert_eq!(wrapped("", 10), "");
        for width in 9..40 {
            let text = wrapped("198.18.0.1 is blocked, as a rule says so: é, ü, ß", width);
            let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= width.max(14), "{width}: {text}");
        }
    }
}
