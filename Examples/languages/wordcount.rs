//! Counts the words of each text in the input set `texts`, into an item of the same name in the output set `counts`:
//! a word a line, most frequent first. An ordinary program over Rust's standard library.
use std::collections::HashMap;
use std::fs;
use std::io::{Result, Write};

fn count(text: &str) -> Vec<(String, usize)> {
    let mut counts = HashMap::new();
    for word in text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        *counts.entry(word.to_ascii_lowercase()).or_insert(0) += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts
}

fn main() -> Result<()> {
    fs::create_dir_all("/counts")?;
    for entry in fs::read_dir("/texts")? {
        let entry = entry?;
        let counts = count(&String::from_utf8_lossy(&fs::read(entry.path())?));
        let mut out = fs::File::create(format!("/counts/{}", entry.file_name().to_string_lossy()))?;
        for (word, count) in &counts {
            writeln!(out, "{} {}", count, word)?;
        }
        println!("{}: {} different words", entry.file_name().to_string_lossy(), counts.len());
    }
    Ok(())
}
