//! Links between the documents lead to files and headings that exist.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for page in pages(root)? {
        let text = read(&page)?;
        for link in links(&text).filter(|link| !link.contains("://")) {
            if !leads_somewhere(&page, link)? {
                let name = page.strip_prefix(root).unwrap_or(&page).display();
                findings.push(format!("{name}: {link} leads nowhere"));
            }
        }
    }
    Ok(findings)
}

/// The documents: at the top, in `docs`, and of each crate.
pub(super) fn pages(root: &Path) -> Result<Vec<PathBuf>> {
    let crates = folder(root)?.into_iter().filter(|path| path.join("Cargo.toml").is_file());
    let mut pages = Vec::new();
    for path in [root.to_owned(), root.join("docs")].into_iter().chain(crates) {
        let is_page = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md");
        pages.extend(folder(&path)?.into_iter().filter(is_page));
    }
    pages.sort();
    Ok(pages)
}

fn folder(path: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(path).with_context(|| format!("reading {}", path.display()))?;
    entries.map(|entry| Ok(entry?.path())).collect()
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

/// The targets of inline links. Blocks of code and what is in backquotes have none.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let prose = text.split("```").step_by(2);
    let linked = prose.flat_map(|prose| prose.split("](").skip(1));
    linked.filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
}

fn leads_somewhere(page: &Path, link: &str) -> Result<bool> {
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = match file {
        "" => page.to_owned(),
        file => page.parent().unwrap_or(page).join(file),
    };
    if anchor.is_empty() || !target.exists() {
        return Ok(target.exists());
    }
    let text = read(&target)?;
    let found = anchors(&text).any(|heading| heading == anchor);
    Ok(found)
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(text: &str) -> impl Iterator<Item = String> {
    let prose = text.split("```").step_by(2).flat_map(str::lines);
    let headings = prose.filter(|line| line.starts_with('#'));
    headings.map(|line| {
        let kept = line.trim_start_matches('#').trim().chars();
        let kept = kept.filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_a_file_and_to_a_heading_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let page = |name: &str| folder.path().join(name);
        fs::write(page("a.md"), "# A\n```\n# no heading\n```\n## nDPI's `key`, and_more\n")
            .unwrap();
        fs::create_dir(page("docs")).unwrap();
        let text = "[a](../a.md) [b](../a.md#ndpis-key-and_more) [c](#here) [d](http://x/#y)\n\
                    ## Here\n[e](../b.md) [f](../a.md#no-heading) [g](#there)\n";
        fs::write(page("docs/b.md"), text).unwrap();
        let found = check(folder.path()).unwrap();
        let expected = ["../b.md", "../a.md#no-heading", "#there"]
            .map(|link| format!("docs/b.md: {link} leads nowhere"));
        assert_eq!(found, expected);
    }
}
