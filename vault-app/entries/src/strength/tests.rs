//! Tests of the estimate: by hand, and in order against zxcvbn.

use proptest::prelude::*;

use super::*;

fn check(password: &str, expected: core::ops::RangeInclusive<u32>) {
    let got = estimate(password, &[]).centibits;
    assert!(expected.contains(&got), "{password}: {got}, not {expected:?}");
}

#[test]
fn patterns_are_worth_what_guessing_them_takes() {
    check("", 0..=0);
    // The most common password: the first guess; the second most common: one bit.
    check("123456", 0..=0);
    check("password", 100..=100);
    check("Password", 200..=200);
    check("p@ssword", 200..=200);
    check("drowssap", 200..=200);
    // Sequences and walks.
    check("abcdefghij", 400..=600);
    check("zyxwvutsrq", 500..=700);
    check("zxcvbnm,./", 1..=1_200);
    check("147258369", 0..=2_300);
    // Repeats.
    check("aaaaaaaaaaaaaaaa", 600..=800);
    check("abcabcabcabc", 300..=900);
    // Dates.
    check("1987", 0..=700);
    check("24121987", 1_300..=1_500);
    check("24.12.1987", 1_500..=1_700);
    // Nothing of all that: ten guesses a character.
    check("q7#Vx)2kLw", 3_200..=3_400);
    // Six words of the EFF's list.
    check("crinkly-unlatch-prong-sultry-cusp-gecko", 7_000..=99_999);
}

#[test]
fn what_the_guesser_knows_is_worth_little() {
    let context = ["Xaver Quintenz", "xq@example.org"];
    assert!(estimate("quintenz", &[]).centibits > 1_500);
    assert!(estimate("quintenz", &context).centibits < 400);
    assert!(estimate("Quintenz1", &context).score() <= 1);
}

/// Passwords as people choose them, and some as generators do.
const TYPED: &[&str] = &[
    "123456",
    "password",
    "qwerty",
    "letmein",
    "dragon",
    "monkey",
    "iloveyou",
    "trustno1",
    "Password1",
    "P@ssw0rd",
    "p4ssw0rd!",
    "qwertyuiop",
    "1qaz2wsx",
    "zaq12wsx",
    "asdfghjkl",
    "qazwsxedc",
    "abc123",
    "abcdef",
    "aaaaaa",
    "111111111111",
    "abcabcabc",
    "123123123",
    "1234567890",
    "0987654321",
    "michael",
    "michael1985",
    "Jennifer!",
    "jennifer1990",
    "sunshine",
    "Sunshine2023",
    "football99",
    "baseball1",
    "summer2024",
    "Summer2024!",
    "winter",
    "Winter#2022",
    "admin",
    "admin123",
    "root",
    "toor",
    "welcome1",
    "Welcome123!",
    "changeme",
    "secret",
    "s3cr3t",
    "shadow",
    "shadow12",
    "superman",
    "batman123",
    "starwars",
    "StarWars77",
    "pokemon",
    "pikachu25",
    "chocolate",
    "cheesecake",
    "butterfly7",
    "princess",
    "princess01",
    "hello",
    "helloworld",
    "hello world",
    "HelloWorld123",
    "iloveyou2",
    "ilovemymom",
    "mydogrex",
    "thequickbrownfox",
    "correcthorsebatterystaple",
    "correct horse battery",
    "tr0ub4dor&3",
    "Tr0ub4dour&3",
    "trombone",
    "violin88",
    "guitar",
    "guitarhero",
    "mustang67",
    "ferrari",
    "porsche911",
    "london",
    "London2012",
    "newyork",
    "paris1789",
    "berlin",
    "tokyo2020",
    "24121987",
    "1987-12-24",
    "12/24/87",
    "19871224",
    "01011970",
    "born1975",
    "1999",
    "2001aspaceodyssey",
    "qwerty123",
    "qwer1234",
    "asdf1234",
    "zxcvbnm",
    "poiuytrewq",
    "mnbvcxz",
    "1q2w3e4r",
    "1q2w3e4r5t",
    "q1w2e3r4",
    "!QAZ2wsx",
    "qweasdzxc",
    "rty678",
    "yhnujm",
    "7ujm8ik,",
    "ghjkl",
    "acegikmoq",
    "zyxwvut",
    "13579",
    "97531",
    "abcxyz",
    "aabbccdd",
    "abababab",
    "xyzxyzxyz",
    "jjjjjjj",
    "ninja",
    "ninjaturtle",
    "samsung",
    "nokia3310",
    "apple123",
    "microsoft",
    "linux4ever",
    "debian",
    "rustlang",
    "ferris",
    "crab",
    "crustacean",
    "onomatopoeia",
    "antidisestablishment",
    "floccinaucini",
    "zygote",
    "quixotic9",
    "lkjhgf",
    "plmokn",
    "dkfjgh",
    "gjrkfi",
    "vbrtwq",
    "kx7",
    "kx7q2",
    "w8nzr4",
    "r9Tq2x",
    "Ht6#pQ",
    "q7#Vx)2k",
    "vT4!mZ9q",
    "Lw8$Rk2@x",
    "9fJ2kQ7bX1",
    "xK3#vB8!nM5$",
    "G7hT2kL9pQ4rW1",
    "aZ3$kP9!vR2@mQ7^",
    "hJ8#kL2$mN5%pQ9&rS3",
    "mvqzkwhx",
    "mvqzkwhxyt",
    "mvqzkwhxytplrn",
    "73914682",
    "7391468250",
    "739146825073914",
    "crinkly unlatch",
    "crinkly unlatch prong",
    "crinkly unlatch prong sultry",
    "unlatch-prong-sultry-cusp-gecko",
    "Mary had a little lamb",
    "tobeornottobe",
    "maytheforcebewithyou",
    "godblessamerica",
    "passwordpassword",
    "password123456",
    "drowssap",
    "321drowssap",
    "nimda",
    "yekno",
    "Passw0rd2019!",
    "pa55word",
    "l3tm31n",
    "m0nk3y",
    "dr4g0n",
    "1l0v3y0u",
    "s1lv3r",
    "g0ld3n",
    "h4ck3r",
    "n00b",
    "l33tsp34k",
    "josé1990",
    "münchen",
    "пароль",
];

#[test]
#[expect(clippy::cast_precision_loss, reason = "two hundred ranks")]
fn the_order_is_that_of_zxcvbn() {
    let ours: Vec<f64> = TYPED.iter().map(|text| f64::from(estimate(text, &[]).centibits) / 100.0).collect();
    let theirs: Vec<f64> =
        TYPED.iter().map(|text| zxcvbn::zxcvbn(text, &[]).guesses_log10() * 10_f64.log2()).collect();
    let mut far = Vec::new();
    for ((text, ours), theirs) in TYPED.iter().zip(&ours).zip(&theirs) {
        if (ours - theirs).abs() > 8.0 {
            far.push(format!("{text}: {ours:.1} bits, zxcvbn {theirs:.1}"));
        }
    }
    let rank = |values: &[f64]| -> Vec<f64> {
        let below = |value: &f64| values.iter().filter(|other| *other < value).count() as f64;
        let same = |value: &f64| values.iter().filter(|other| (**other - value).abs() < 1e-9).count() as f64;
        values.iter().map(|value| below(value) + same(value) / 2.0).collect()
    };
    let (a, b) = (rank(&ours), rank(&theirs));
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mean_a, mean_b) = (mean(&a), mean(&b));
    let sum =
        |f: &dyn Fn(f64, f64) -> f64| a.iter().zip(&b).map(|(a, b)| f(a - mean_a, b - mean_b)).sum::<f64>();
    let correlation = sum(&|a, b| a * b) / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt();
    let apart =
        |ours: &str| estimate(ours, &[]).score().abs_diff(u8::from(zxcvbn::zxcvbn(ours, &[]).score()));
    let scores: Vec<u8> = TYPED.iter().map(|text| apart(text)).collect();
    let equal = scores.iter().filter(|apart| **apart == 0).count();
    println!(
        "{} passwords, rank correlation {correlation:.4}, {equal} of the same score; far:\n{}",
        TYPED.len(),
        far.join("\n")
    );
    assert!(correlation > 0.97, "{correlation}");
    // Our list has 23,000 words and zxcvbn's 90,000, so a rare word is a score or two apart.
    assert!(scores.iter().all(|apart| *apart <= 2));
    assert!(scores.iter().filter(|apart| **apart == 2).count() <= 3);
    assert!(equal * 100 >= TYPED.len() * 90, "{equal}");
}

proptest! {
    #[test]
    fn no_text_is_worth_more_than_free_characters(text in ".{0,60}", context in ".{0,10}") {
        let chars = u32::try_from(text.chars().count()).unwrap();
        prop_assert!(estimate(&text, &[&context]).centibits <= chars * FREE_CHAR + 1);
    }
}

#[test]
fn only_the_first_characters_count() {
    for text in ["a", "aB3$", "password", "日本語"] {
        let long = text.repeat(4_096);
        let counted: String = long.chars().take(caps::ESTIMATE_CHARS_MAX).collect();
        assert_eq!(estimate(&long, &[]), estimate(&counted, &[]));
    }
}
