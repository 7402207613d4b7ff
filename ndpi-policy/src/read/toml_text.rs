//! Explains what is wrong with a text that is not TOML, as its author sees it: the line, the mistake, and the
//! line as it should be.
//!
//! A parser says where it could not go on, and goes on to report what follows from that. Here each
//! statement is reported once, by what is in its line.

use std::ops::Range;

use toml::de::{DeTable, Error};

/// A mistake of the text.
pub(super) struct Mistake {
    /// Where it is.
    pub(super) span: Range<usize>,
    /// What is wrong.
    pub(super) message: String,
    /// How the line should be, where that is certain.
    pub(super) help: Option<String>,
}

/// The mistakes behind a parser's errors, one a statement, in the order of the text.
pub(super) fn mistakes(text: &str, errors: &[Error]) -> Vec<Mistake> {
    let statements = Statements::of(text);
    let mut errors: Vec<_> =
        errors.iter().map(|error| (error.span().unwrap_or(0..0), error.message())).collect();
    errors.sort_by_key(|(span, _)| span.start);
    let mut reported = None;
    let mut mistakes = Vec::new();
    for (span, message) in errors {
        if message.starts_with("carriage return") {
            mistakes.push(old_line_ends(span));
            break;
        }
        // A table with a string that is not closed is not closed either.
        let follows = message.contains("inline table") || message.contains("key-value pairs");
        if follows && !mistakes.is_empty() {
            continue;
        }
        if let Some(unclosed) = statements.unclosed_before(span.start) {
            // A parser takes all that follows for the rest of the list.
            mistakes.push(not_closed(text, unclosed));
            break;
        }
        let statement = statements.at(span.start);
        if reported.replace(statement) != Some(statement) {
            mistakes.push(mistake(text, span, message));
        }
    }
    mistakes
}

fn old_line_ends(span: Range<usize>) -> Mistake {
    let message = "a line ends with a carriage return alone".to_owned();
    let help = "save the file with the line ends of Unix or Windows".to_owned();
    Mistake { span, message, help: Some(help) }
}

fn not_closed(text: &str, bracket: usize) -> Mistake {
    let (what, close) =
        if text[bracket..].starts_with('[') { ("list", ']') } else { ("table", '}') };
    Mistake {
        span: bracket..bracket + 1,
        message: format!("this {what} is not closed"),
        help: Some(format!("put `{close}` behind its last entry")),
    }
}

/// One mistake, found by the line that it is in.
fn mistake(text: &str, span: Range<usize>, message: &str) -> Mistake {
    let line = line_at(text, span.start);
    let content = without_comment(&text[line.clone()]).trim_end();
    let indent = content.len() - content.trim_start().len();
    let whole = line.start + indent..line.start + content.len();
    let content = content.trim_start();
    let found = header(content)
        .or_else(|| other_language(content))
        .or_else(|| duplicate(content, message))
        .or_else(|| statement(content))
        .or_else(|| if content.contains('=') { None } else { entry(content) })
        .or_else(|| comma_before(message));
    match found {
        Some((what, help)) => Mistake {
            span: if whole.is_empty() { span } else { whole },
            message: what.to_owned(),
            help: Some(help),
        },
        None => Mistake { span, message: message.to_owned(), help: None },
    }
}

type Found = (&'static str, String);

/// `[[rule]` and its like.
fn header(line: &str) -> Option<Found> {
    let name = line.strip_prefix('[')?.trim_matches(['[', ']', ' ', '"']);
    let is_name =
        !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "._-".contains(c));
    let (open, close) = (line.matches('[').count(), line.matches(']').count());
    if !is_name || (open == close && open <= 2) {
        return None;
    }
    let help = if name.starts_with("rule") { "[[rule]]".to_owned() } else { format!("[{name}]") };
    Some(("the brackets around the name of this table do not match", format!("write: {help}")))
}

/// What is another language.
fn other_language(line: &str) -> Option<Found> {
    if ["//", "/*", "--", ";"].iter().any(|mark| line.starts_with(mark)) {
        return Some((
            "a comment begins with `#`",
            format!("write: # {}", line.trim_start_matches(['/', '*', '-', ';', ' '])),
        ));
    }
    if line.starts_with('{') || line.starts_with('<') || line.starts_with("---") {
        return Some((
            "a policy is written neither in JSON nor in YAML",
            "`ndpi-xdp policy example` prints one to begin with".to_owned(),
        ));
    }
    let (key, value) = line.split_once(':')?;
    let key = key.trim_start_matches("- ").trim();
    (is_key(key) && !value.starts_with(['/', ':'])).then(|| {
        let right = repaired(value).filter(|_| !value.trim().is_empty());
        let value = right.unwrap_or_else(|| "…".to_owned());
        ("between a key and its value stands `=`", format!("write: {key} = {value}"))
    })
}

/// The same key, or the same table, twice.
fn duplicate(line: &str, message: &str) -> Option<Found> {
    (message == "duplicate key").then_some(())?;
    if line.starts_with('[') {
        let name = line.trim_matches(['[', ']', ' ']);
        let help = match name {
            "rule" => "begin each rule with a line `[[rule]]`, and write no `rule = …` beside it"
                .to_owned(),
            _ => format!("put what belongs to `{name}` under one of them"),
        };
        return Some(("this table is there already", help));
    }
    let (key, _) = line.split_once('=')?;
    let key = key.trim();
    let help = match key.split_once('.') {
        _ if key == "not" => {
            "write `not.app = …`, `not.host = …`: each on a line of its own".to_owned()
        }
        Some(_) | None => format!(
            "several values stand in one list: {key} = [\"…\", \"…\"]; another rule begins with `[[rule]]`"
        ),
    };
    Some(("this key is there already", help))
}

/// `key = value` with something wrong in either.
fn statement(line: &str) -> Option<Found> {
    let Some((key, value)) = line.split_once('=').filter(|(key, _)| is_key(key.trim())) else {
        return no_equals_sign(line);
    };
    let (key, value) = (key.trim(), value.trim());
    if let Some(value) = value.strip_prefix('=') {
        let value = repaired(value)?;
        return Some(("one `=` is enough", format!("write: {key} = {value}")));
    }
    if value.is_empty() {
        let help = format!("write a value behind it, or take `{key}` out");
        return Some(("nothing stands behind `=`", help));
    }
    let what = wrong_with(value)?;
    let help = match repaired(value) {
        Some(value) => format!("write: {key} = {value}"),
        None => how_values_look(key, value),
    };
    Some((what, help))
}

fn no_equals_sign(line: &str) -> Option<Found> {
    if let Some((key, _)) = line.split_once('=').filter(|(key, _)| key.trim().contains(' ')) {
        let words: Vec<_> = key.split_whitespace().collect();
        let is_words = words.iter().all(|word| is_key(word));
        return is_words
            .then(|| ("a key is one word", format!("there is no `{}`", words.join(" "))));
    }
    let (key, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    if !is_key(key) {
        return None;
    }
    let value = repaired(value).filter(|_| value.starts_with(['"', '\'', '[']));
    let help = format!("write: {key} = {}", value.as_deref().unwrap_or("…"));
    Some(("between a key and its value stands `=`", help))
}

/// A line within a list that goes over several.
fn entry(line: &str) -> Option<Found> {
    let inner = line.trim_end_matches([',', ']', ' ']).trim_start_matches('[');
    let what = wrong_with(inner)?;
    let entries = bare_entries(inner)?;
    Some((what, format!("write: {},", entries.join(", "))))
}

/// A line that is in order, in a list or table that is not.
fn comma_before(message: &str) -> Option<Found> {
    let help = "put a comma behind the one before".to_owned();
    message.starts_with("missing comma").then_some(("between entries stand commas", help))
}

/// What is wrong with a value, or with the entries of a list.
fn wrong_with(value: &str) -> Option<&'static str> {
    let outside = outside_of_strings(value);
    let (is_list, is_table) = (value.starts_with('['), value.starts_with('{'));
    let has_words = outside.chars().any(char::is_alphanumeric) && !is_table;
    let marks = value.matches('"').count();
    Some(if value.contains(['“', '”', '„', '‟', '«', '»', '‘', '’']) {
        "quotation marks are plain ones here"
    } else if lacks_a_mark(value) {
        "a quotation mark is missing"
    } else if value.contains('\\') {
        "`\\` has a meaning of its own between these quotation marks"
    } else if outside.contains('=') && !is_table {
        "each key stands on a line of its own"
    } else if value.ends_with([',', ';']) {
        "nothing stands behind a value"
    } else if matches!(
        value.to_lowercase().as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off"
    ) {
        "it is `true` or `false`, in small letters"
    } else if has_words && value.bytes().all(|byte| byte.is_ascii_digit()) {
        "a number begins with no zero"
    } else if has_words && marks > 2 && !is_list && value.ends_with('"') {
        "a text with quotation marks in it stands between single ones"
    } else if has_words {
        "text stands in quotation marks"
    } else if is_list || is_table {
        "between entries stand commas"
    } else if marks > 2 {
        "several values stand in a list"
    } else {
        return None;
    })
}

/// Whether a string begins and does not end, or ends and did not begin.
fn lacks_a_mark(value: &str) -> bool {
    let doubles = value.matches('"').count() - value.matches("\\\"").count();
    doubles % 2 == 1 || (doubles == 0 && value.matches('\'').count() % 2 == 1)
}

/// What values look like, where this one is not certain.
fn how_values_look(key: &str, value: &str) -> String {
    if value.starts_with('{') && key == "schedule" {
        return "a schedule looks like { days = \"mon-fri\", hours = \"08:00-18:00\" }".to_owned();
    }
    if value.starts_with('{') {
        return "a table looks like { file = \"…\" }".to_owned();
    }
    "values look like \"text\", 443, true or [\"one\", \"another\"], one key a line".to_owned()
}

/// A value as TOML has it, if what is left of it is certain.
fn repaired(value: &str) -> Option<String> {
    let value = value.trim().trim_end_matches([';', ',']).trim_end();
    let value = match value.split_once(" #") {
        Some((before, _)) if lacks_a_mark(value) => before.trim_end(),
        _ => value,
    };
    let is_escaped = value.contains('\\') && !lacks_a_mark(value);
    if !is_escaped && (value.starts_with('{') || outside_of_strings(value).contains('=')) {
        return None;
    }
    let right = match is_escaped.then(|| value.replace('"', "'")) {
        Some(single) => single,
        None if value.starts_with('[') || outside_of_strings(value).contains(',') => {
            let inner = value.trim_start_matches('[').trim_end_matches(']');
            format!("[{}]", bare_entries(inner)?.join(", "))
        }
        None => bare_entry(value)?,
    };
    let line = format!("key = {right}");
    let (_, errors) = DeTable::parse_recoverable(&line);
    errors.is_empty().then_some(right)
}

/// The entries of a list, whatever is wrong with their marks.
fn bare_entries(inner: &str) -> Option<Vec<String>> {
    // Two strings without a comma between them.
    let inner = inner.replace("\" \"", "\", \"");
    let entries = inner.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    entries.map(bare_entry).collect()
}

/// One value, whatever is wrong with its marks.
fn bare_entry(value: &str) -> Option<String> {
    let marks = ['"', '\'', '“', '”', '„', '‟', '«', '»', '‘', '’'];
    let had_marks = value.contains(marks);
    let inner = value.strip_prefix('"').and_then(|inner| inner.strip_suffix('"'));
    let bare = match inner {
        Some(inner) if value.matches('"').count() > 3 => inner,
        _ => value.trim_matches(marks).trim(),
    };
    let is_number = !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_digit());
    Some(match bare.to_lowercase().as_str() {
        "" => return None,
        "true" | "yes" | "on" if !had_marks => "true".to_owned(),
        "false" | "no" | "off" if !had_marks => "false".to_owned(),
        // A number with a zero before it.
        _ if is_number && !had_marks => bare.parse::<u64>().ok()?.to_string(),
        _ if bare.contains('"') && bare.contains('\'') => return None,
        _ if bare.contains('"') => format!("'{bare}'"),
        _ => format!("\"{bare}\""),
    })
}

fn is_key(key: &str) -> bool {
    let of_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    !key.is_empty() && key.chars().all(of_key)
}

/// A line without its comment. A `#` between quotation marks is none.
fn without_comment(line: &str) -> &str {
    let mut quote = None;
    for (at, c) in line.char_indices() {
        match quote {
            Some(mark) if c == mark => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c == '#' => return &line[..at],
            _ => {}
        }
    }
    line
}

/// What of a line stands outside its strings.
fn outside_of_strings(line: &str) -> String {
    let mut quote = None;
    let mut outside = String::new();
    for c in line.chars() {
        match quote {
            Some(mark) if c == mark => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None => outside.push(c),
        }
    }
    outside
}

fn line_at(text: &str, offset: usize) -> Range<usize> {
    let offset = offset.min(text.len());
    let start = text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[offset..].find('\n').map_or(text.len(), |newline| offset + newline);
    start..end
}

/// Where statements begin: those that go over several lines are one.
struct Statements {
    starts: Vec<usize>,
    /// The first bracket that nothing closes.
    unclosed: Option<usize>,
}

impl Statements {
    fn of(text: &str) -> Self {
        let mut all = Self { starts: Vec::new(), unclosed: None };
        let mut open: Vec<(char, usize)> = Vec::new();
        let mut goes_on = true;
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let content = without_comment(line).trim_end();
            let is_header =
                content.starts_with('[') && (open.is_empty() || content.starts_with("[["));
            let is_key = outside_of_strings(content).contains('=');
            // Within a list there are no keys; in a table, not without a comma before them.
            let cannot_be_inside = is_header
                || (is_key && open.last().is_some_and(|(bracket, _)| *bracket == '[' || !goes_on));
            if open.is_empty() || cannot_be_inside {
                all.unclosed = all.unclosed.or(open.first().map(|(_, at)| *at));
                open.clear();
                all.starts.push(start);
            }
            if !is_header {
                follow(content, start, &mut open);
            }
            goes_on = content.is_empty() || content.ends_with([',', '{', '[']);
            start += line.len();
        }
        all.unclosed = all.unclosed.or(open.first().map(|(_, at)| *at));
        all
    }

    /// Where the statement begins that an offset belongs to.
    fn at(&self, offset: usize) -> usize {
        let after = self.starts.partition_point(|start| *start <= offset);
        self.starts[..after].last().copied().unwrap_or(0)
    }

    /// The bracket that nothing closes, if it comes before an offset.
    fn unclosed_before(&self, offset: usize) -> Option<usize> {
        self.unclosed.filter(|bracket| *bracket < offset)
    }
}

/// Brackets that a line opens and closes. A string ends with its line; where its mark is missing, nobody
/// knows which brackets are text.
fn follow(line: &str, start: usize, open: &mut Vec<(char, usize)>) {
    let knows_strings = !lacks_a_mark(line);
    let mut quote = None;
    for (at, c) in line.char_indices() {
        match quote {
            Some(mark) if c == mark => quote = None,
            None if knows_strings && (c == '"' || c == '\'') => quote = Some(c),
            None if c == '[' || c == '{' => open.push((c, start + at)),
            None if c == ']' || c == '}' => drop(open.pop()),
            Some(_) | None => {}
        }
    }
}
