//! Days of the week and hours of the day, as people write them.

/// Minutes of a day.
pub(super) const DAY: usize = 24 * 60;

/// The days from Monday on, each in its spellings, the usual one first.
const DAYS: [[&str; 4]; 7] = [
    ["mon", "monday", "mo", "mondays"],
    ["tue", "tuesday", "tu", "tues"],
    ["wed", "wednesday", "we", "weds"],
    ["thu", "thursday", "th", "thurs"],
    ["fri", "friday", "fr", "fridays"],
    ["sat", "saturday", "sa", "saturdays"],
    ["sun", "sunday", "su", "sundays"],
];

/// Other words, and the days they stand for.
const SEVERAL: [(&str, &str); 6] = [
    ("weekdays", "mon-fri"),
    ("weekday", "mon-fri"),
    ("workdays", "mon-fri"),
    ("weekend", "sat-sun"),
    ("weekends", "sat-sun"),
    ("daily", "mon-sun"),
];

/// Reads `"mon"`, `"Saturday"`, `"mon-fri"`, `"sat,sun"` or `"weekend"`, as days counted from Monday.
pub(super) fn days(text: &str) -> Option<Vec<usize>> {
    let parts: Option<Vec<Vec<usize>>> = text.split(',').map(days_of_part).collect();
    Some(parts?.concat())
}

fn days_of_part(part: &str) -> Option<Vec<usize>> {
    let part = part.trim().to_lowercase();
    let part =
        SEVERAL.iter().find(|(word, _)| *word == part).map_or(part.as_str(), |(_, days)| days);
    match part.split_once(['-', '–']) {
        None => day(part).map(|only| vec![only]),
        Some((first, last)) => {
            let (first, last) = (day(first.trim())?, day(last.trim())?);
            let count = (last + 7 - first) % 7 + 1;
            Some((first..first + count).map(|day| day % 7).collect())
        }
    }
}

fn day(name: &str) -> Option<usize> {
    DAYS.iter().position(|spellings| spellings.contains(&name))
}

/// What to write for days that cannot be read, where that is certain.
pub(super) fn meant_days(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let every = ["all", "always", "any", "everyday", "every day", "*", "7 days", "all days"];
    if every.contains(&lower.as_str()) {
        return Some("leave `days` out for every day".to_owned());
    }
    let connected = lower.replace(" to ", "-").replace(" through ", "-").replace("..", "-");
    let connected = connected.replace(" and ", ",").replace([';', '/', '&', '|', '+'], ",");
    let spaced = || connected.split_whitespace().collect::<Vec<_>>().join(",");
    let dotted = || connected.replace('.', "");
    let right = [connected.clone(), dotted(), spaced()].into_iter().find_map(|it| days(&it))?;
    Some(format!("write \"{}\"", shown(&right)))
}

/// Days as they are best written.
fn shown(days: &[usize]) -> String {
    let next_to = |pair: &[usize]| (pair[0] + 1) % 7 == pair[1];
    match days {
        [first, .., last] if days.len() > 2 && days.windows(2).all(next_to) => {
            format!("{}-{}", DAYS[*first][0], DAYS[*last][0])
        }
        _ => days.iter().map(|day| DAYS[*day][0]).collect::<Vec<_>>().join(","),
    }
}

/// Reads `"08:00-18:00"`, or several of them with commas, as minutes of the day; the end lies on the next
/// day where it comes before the start.
pub(super) fn hours(text: &str) -> Option<Vec<(usize, usize)>> {
    text.split(',').map(span_of_hours).collect()
}

fn span_of_hours(text: &str) -> Option<(usize, usize)> {
    let (start, end) = text.split_once(['-', '–'])?;
    let (start, end) = (minute(start.trim())?, minute(end.trim())?);
    let start = (start < DAY && start != end).then_some(start)?;
    Some((start, if end > start { end } else { end + DAY }))
}

fn minute(text: &str) -> Option<usize> {
    let (hour, minute) = text.split_once(':')?;
    let number = |part: &str, least: usize| {
        let is_number =
            (least..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| part.parse::<usize>().ok())?
    };
    let (hour, minute) = (number(hour, 1)?, number(minute, 2)?);
    let total = hour * 60 + minute;
    (minute < 60 && total <= DAY).then_some(total)
}

/// What to write for hours that cannot be read, where that is certain.
pub(super) fn meant_hours(text: &str) -> Option<String> {
    let lower = text.to_lowercase().replace(['–', '—'], "-");
    if ["all", "always", "all day", "any", "*", "24h", "24/7"].contains(&lower.trim()) {
        return Some("leave `hours` out for all day".to_owned());
    }
    let connected = lower.replace(" to ", "-").replace("..", "-").replace(" until ", "-");
    let (start, end) = connected.split_once('-')?;
    let (start, end) = (meant_minute(start)?, meant_minute(end)?);
    if start == end || start >= DAY {
        return None;
    }
    Some(format!("write \"{}-{}\"", clock(start), clock(end)))
}

/// A time of day by any convention: `8`, `8am`, `8:30 pm`, `0800`, `08.00`, `08:00:00`, `8h`.
fn meant_minute(text: &str) -> Option<usize> {
    let text = text.trim().trim_end_matches("o'clock").trim_end_matches(" uhr").trim_end();
    let (text, half) = match (text.strip_suffix("am"), text.strip_suffix("pm")) {
        (Some(text), _) => (text.trim_end(), Some(0)),
        (_, Some(text)) => (text.trim_end(), Some(12)),
        _ => (text, None),
    };
    let text = text.trim_end_matches('h');
    let (hour, rest) = match text.split_once([':', '.', 'h']) {
        Some((hour, rest)) => (hour, rest.strip_suffix(":00").unwrap_or(rest)),
        None if text.len() == 4 && text.is_ascii() => text.split_at(2),
        None => (text, "00"),
    };
    let hour: usize = hour.parse().ok()?;
    let hour = match half {
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
        None => hour,
    };
    minute(&format!("{hour:02}:{rest}"))
}

fn clock(minute: usize) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_in_their_usual_spellings() {
        for (text, expected) in [
            ("mon", vec![0]),
            ("Sat", vec![5]),
            ("Saturday", vec![5]),
            ("sat,sun", vec![5, 6]),
            ("Mo-Fr", vec![0, 1, 2, 3, 4]),
            ("mon – fri", vec![0, 1, 2, 3, 4]),
            ("sat-mon", vec![5, 6, 0]),
            ("Monday - Wednesday, Fri", vec![0, 1, 2, 4]),
            ("weekend", vec![5, 6]),
            ("mon-sun", vec![0, 1, 2, 3, 4, 5, 6]),
        ] {
            assert_eq!(days(text), Some(expected), "{text}");
        }
        for wrong in ["", "mon-", "mon,", "montag", "1-5", "mon tue", "mon-tue-wed"] {
            assert_eq!(days(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn days_in_other_words_lead_to_the_right_ones() {
        for (text, expected) in [
            ("mon to fri", Some("write \"mon-fri\"")),
            ("Sat and Sun", Some("write \"sat,sun\"")),
            ("sat/sun", Some("write \"sat,sun\"")),
            ("mon tue wed", Some("write \"mon-wed\"")),
            ("Mon. - Fri.", Some("write \"mon-fri\"")),
            ("every day", Some("leave `days` out for every day")),
            ("montag", None),
        ] {
            assert_eq!(meant_days(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn hours_are_read_with_and_without_a_leading_zero() {
        assert_eq!(hours("00:00-24:00"), Some(vec![(0, DAY)]));
        assert_eq!(hours("22:00-06:00"), Some(vec![(1320, 1800)]));
        assert_eq!(hours("8:00-18:00"), Some(vec![(480, 1080)]));
        assert_eq!(hours("8:00 – 12:00, 13:00-18:00"), Some(vec![(480, 720), (780, 1080)]));
        let wrong = [
            "8-18",
            "08:00",
            "08:00-08:00",
            "24:00-06:00",
            "08:60-09:00",
            "25:00-26:00",
            "8:0-9:0",
        ];
        for wrong in wrong {
            assert_eq!(hours(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn hours_by_other_conventions_lead_to_the_right_ones() {
        for (text, expected) in [
            ("8-18", Some("write \"08:00-18:00\"")),
            ("8am-6pm", Some("write \"08:00-18:00\"")),
            ("8:30 AM - 12 PM", Some("write \"08:30-12:00\"")),
            ("10pm-6am", Some("write \"22:00-06:00\"")),
            ("0800-1800", Some("write \"08:00-18:00\"")),
            ("08.00-18.30", Some("write \"08:00-18:30\"")),
            ("08:00:00-18:00:00", Some("write \"08:00-18:00\"")),
            ("8h-18h", Some("write \"08:00-18:00\"")),
            ("08:00 to 18:00", Some("write \"08:00-18:00\"")),
            ("all day", Some("leave `hours` out for all day")),
            ("13pm-14pm", None),
            ("office hours", None),
            ("08:00", None),
        ] {
            assert_eq!(meant_hours(text).as_deref(), expected, "{text}");
        }
    }
}
