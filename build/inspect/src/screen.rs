//! The screen: qubes, channels, messages and the keys, drawn on whatever is there, 80x24 or more or less.

use ipc_proto_ctl_api::{ChannelInfo, QubeInfo};
use ipc_proto_types::Label;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph};

use crate::app::{App, Views};
use crate::message::{Note, sentence};
use crate::model::{Rate, SUPERVISOR, harmless, verdicts};

/// Whether colours are wanted. Nothing is told by colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// Yes.
    Colour,
    /// No.
    Plain,
}

const KEYS: &str = "q leave  p pause  f filter by qube  v view  up/down older/newer  esc reset";

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, app: &App, ink: Ink) {
    let [title, middle, keys] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(0), Constraint::Length(1)])
            .areas(frame.area());
    frame
        .render_widget(Paragraph::new(headline(app)).style(Style::new().add_modifier(Modifier::BOLD)), title);
    frame.render_widget(Paragraph::new(KEYS).style(Style::new().add_modifier(Modifier::REVERSED)), keys);
    let (qubes, channels) = (qube_lines(app, ink), channel_lines(app));
    match app.views {
        Views::Messages => draw_messages(frame, app, ink, middle),
        Views::Counters => {
            let [first, second] =
                Layout::vertical([height(&qubes, u16::MAX), Constraint::Min(0)]).areas(middle);
            draw_lines(frame, "qubes", qubes, first);
            draw_lines(frame, "channels", channels, second);
        }
        Views::All => {
            // Messages get a third at least, however many qubes there are.
            let third = middle.height / 3;
            let [first, second, third] =
                Layout::vertical([height(&qubes, third), height(&channels, third), Constraint::Min(0)])
                    .areas(middle);
            draw_lines(frame, "qubes", qubes, first);
            draw_lines(frame, "channels", channels, second);
            draw_messages(frame, app, ink, third);
        }
    }
}

fn height(lines: &[Line<'_>], most: u16) -> Constraint {
    let wanted = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(1);
    Constraint::Length(wanted.min(most))
}

fn headline(app: &App) -> String {
    let system = &app.model.system;
    let seconds = system.uptime_ns / 1_000_000_000;
    let paused = if app.paused { "  PAUSED" } else { "" };
    format!(
        "{} — Skep {}, up {seconds} s, {} messages, {} refused{paused}",
        harmless(system.name.as_str()),
        harmless(system.version.as_str()),
        system.messages,
        system.refused
    )
}

/// A box with a title and as many lines as fit; says how many do not.
fn draw_lines(frame: &mut Frame<'_>, title: &str, mut lines: Vec<Line<'_>>, area: Rect) {
    let room = usize::from(area.height.saturating_sub(1));
    if lines.len() > room && room > 0 {
        let hidden = lines.len() - room + 1;
        lines.truncate(room - 1);
        lines.push(Line::from(format!("  ... {hidden} more: press v")));
    }
    let block = Block::new().borders(Borders::TOP).title(format!(" {title} "));
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn label_style(label: Label, ink: Ink) -> Style {
    if ink == Ink::Plain {
        return Style::new();
    }
    match label {
        Label::Untrusted => Style::new().fg(Color::Red),
        Label::Personal => Style::new().fg(Color::Yellow),
        Label::Work => Style::new().fg(Color::Blue),
        Label::Vault => Style::new().fg(Color::Black).bg(Color::White),
        Label::Green => Style::new().fg(Color::Green),
        Label::Orange => Style::new().fg(Color::LightRed),
        Label::Purple => Style::new().fg(Color::Magenta),
        Label::Grey => Style::new().fg(Color::DarkGray),
    }
}

fn qube_lines<'a>(app: &App, ink: Ink) -> Vec<Line<'a>> {
    let head = format!(
        "{:<16} {:<11} {:<10} {:>3} {:>7} {:>7} {:>5} {:>5} {:>5}",
        "NAME", "LABEL", "STATE", "GEN", "MEMORY", "EXITS/s", "IN/s", "OUT/s", "REFSD"
    );
    let qubes = (0_u8..).zip(&app.model.qubes).filter(|(index, _)| app.filter.is_none_or(|it| it == *index));
    std::iter::once(Line::from(head))
        .chain(qubes.map(|(_, (qube, rate))| qube_line(qube, rate, ink)))
        .collect()
}

fn qube_line<'a>(qube: &QubeInfo, rate: &Rate, ink: Ink) -> Line<'a> {
    let label = format!("{} {:<9}", qube.label.shape(), qube.label.word());
    let state = format!("{:?}", qube.state).to_lowercase();
    Line::from(vec![
        Span::raw(format!("{:<16} ", harmless(qube.name.as_str()))),
        Span::styled(label, label_style(qube.label, ink)),
        Span::raw(format!(
            " {state:<10} {:>3} {:>7} {:>7} {:>5} {:>5} {:>5}",
            qube.generation,
            format!("{}KiB", qube.memory_kib),
            rate.exits,
            rate.messages_in,
            rate.messages_out,
            qube.refused
        )),
    ])
}

fn channel_lines<'a>(app: &App) -> Vec<Line<'a>> {
    let head =
        format!("{:<26} {:<9} {:>6} {:>5} {:>5} {}", "CALLS", "SERVICE", "TOTAL", "/s", "REFSD", "POLICY");
    let about = |channel: &ChannelInfo| {
        app.filter.is_none_or(|it| channel.client == it || channel.server == Some(it))
    };
    let channels = app.model.channels.iter().filter(|(channel, _)| about(channel));
    std::iter::once(Line::from(head))
        .chain(channels.map(|(channel, rate)| channel_line(app, channel, rate)))
        .collect()
}

fn channel_line<'a>(app: &App, channel: &ChannelInfo, rate: &Rate) -> Line<'a> {
    let server = channel.server.map_or_else(|| SUPERVISOR.to_owned(), |server| app.model.name(server));
    let ends = format!("{} > {server}", app.model.name(channel.client));
    let policy = if channel.open { verdicts(channel) } else { "closed".to_owned() };
    Line::from(format!(
        "{ends:<26} {:<9} {:>6} {:>5} {:>5} {policy}",
        harmless(channel.service.as_str()),
        channel.messages,
        rate.messages_in,
        channel.refused
    ))
}

fn draw_messages(frame: &mut Frame<'_>, app: &App, ink: Ink, area: Rect) {
    let room = usize::from(area.height.saturating_sub(1));
    let newest = app.messages.about(app.filter).rev().skip(app.scrolled).take(room);
    let mut lines: Vec<Line<'_>> = newest.map(|note| message_line(app, note, ink)).collect();
    lines.reverse();
    let mut title = "messages".to_owned();
    if !app.has_bodies {
        title += ", from the audit";
    }
    if let Some(filter) = app.filter {
        title += &format!(" of {}", app.model.name(filter));
    }
    title += if app.scrolled > 0 { ", older ones" } else { ", following" };
    let block = Block::new().borders(Borders::TOP).title(format!(" {title} "));
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn message_line<'a>(app: &App, note: &Note, ink: Ink) -> Line<'a> {
    let is_trouble = match note {
        Note::Said(said) => said.verdict != "allowed",
        Note::Ended { .. } | Note::Lost(_) => true,
    };
    let style = if is_trouble && ink == Ink::Colour { Style::new().fg(Color::Red) } else { Style::new() };
    Line::styled(sentence(&app.model, note), style)
}
