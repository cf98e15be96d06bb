//! The plots. They are dark on white, whatever the page around them.

use std::fs;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

type Failed = Box<dyn std::error::Error>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const INK: RGBColor = RGBColor(40, 40, 40);
const GRID: RGBColor = RGBColor(225, 225, 225);
/// Colours that those tell apart who see fewer (Okabe and Ito).
const PALETTE: [RGBColor; 4] =
    [RGBColor(110, 110, 110), RGBColor(0, 114, 178), RGBColor(0, 158, 115), RGBColor(213, 94, 0)];

fn text(size: i32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK)
}

/// One line of a panel: what it is called, and its points (bytes, GB/s).
pub struct Line {
    /// Its place in the legend.
    pub kind: usize,
    /// Bytes of plaintext in a record, and GB/s.
    pub points: Vec<(f64, f64)>,
}

/// A panel and its lines.
pub struct Panel {
    /// What stands above it.
    pub title: String,
    /// Its lines.
    pub lines: Vec<Line>,
}

/// Throughput over the size of records, in four panels.
///
/// # Errors
/// What the library for plots and the file system say.
pub fn throughput(file: &Path, legend: &[&str], panels: &[Panel]) -> Result<(), Failed> {
    let (width, height) = (1000, 820);
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        root.fill(&WHITE)?;
        let (head, body) = root.split_vertically(78);
        head.draw(&Text::new("Throughput over record size", (24, 14), text(22)))?;
        let mut x = 24;
        for (kind, name) in legend.iter().enumerate() {
            let colour = PALETTE[kind % PALETTE.len()];
            head.draw(&PathElement::new([(x, 58), (x + 26, 58)], colour.stroke_width(3)))?;
            head.draw(&Circle::new((x + 13, 58), 4, colour.filled()))?;
            head.draw(&Text::new(*name, (x + 34, 49), text(16)))?;
            x += 34 + 8 * i32::try_from(name.chars().count())? + 24;
        }
        for (area, panel) in body.split_evenly((2, 2)).iter().zip(panels) {
            draw(area, panel)?;
        }
        root.present()?;
    }
    Ok(fs::write(file, svg)?)
}

fn draw(area: &Area<'_>, panel: &Panel) -> Result<(), Failed> {
    let sizes: Vec<f64> = (4..=14).step_by(2).map(|power| f64::from(1 << power)).collect();
    let speeds = vec![0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0];
    let mut chart = ChartBuilder::on(area)
        .caption(&panel.title, text(17))
        .margin(12)
        .margin_right(24)
        .x_label_area_size(46)
        .y_label_area_size(58)
        .build_cartesian_2d(
            (14.0..19_000.0).log_scale().base(2.0).with_key_points(sizes),
            (0.07..32.0).log_scale().with_key_points(speeds),
        )?;
    chart
        .configure_mesh()
        .axis_style(INK)
        .bold_line_style(GRID)
        .light_line_style(WHITE.mix(0.0))
        .label_style(text(14))
        .axis_desc_style(text(15))
        .x_desc("plaintext in a record, bytes")
        .y_desc("GB/s")
        .x_label_formatter(&|size| {
            if *size >= 1024.0 { format!("{} Ki", size / 1024.0) } else { format!("{size}") }
        })
        .y_label_formatter(&|speed| format!("{speed}"))
        .draw()?;
    for Line { kind, points } in &panel.lines {
        let colour = PALETTE[kind % PALETTE.len()];
        chart.draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?;
        chart.draw_series(points.iter().map(|point| Circle::new(*point, 3, colour.filled())))?;
    }
    Ok(())
}

/// A bar: what one connection takes.
pub struct Bar {
    /// What it is of.
    pub name: String,
    /// Bytes on a client and on a server.
    pub bytes: [f64; 2],
    /// Whether it was measured in this run, or is quoted.
    pub measured: bool,
}

/// Memory of each connection.
///
/// # Errors
/// What the library for plots and the file system say.
pub fn memory(file: &Path, bars: &[Bar]) -> Result<(), Failed> {
    let row = 46;
    let rows = i32::try_from(bars.len())?;
    let (left, width, top) = (330, 1000, 92);
    let height = top + rows * row + 64;
    let most = bars.iter().flat_map(|bar| bar.bytes).fold(1.0, f64::max);
    let scale = f64::from(width - left - 110) / most;
    let at = |bytes: f64| left + (bytes * scale).round() as i32;
    let mut svg = String::new();
    {
        let size = (u32::try_from(width)?, u32::try_from(height)?);
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        root.fill(&WHITE)?;
        root.draw(&Text::new("Memory of an established connection, struct and heap", (24, 14), text(22)))?;
        let [client, server] = [PALETTE[1], PALETTE[3]];
        for (x, name, colour) in [(24, "client", client), (124, "server", server)] {
            root.draw(&Rectangle::new([(x, 52), (x + 22, 66)], colour.filled()))?;
            root.draw(&Text::new(name, (x + 30, 50), text(16)))?;
        }
        if bars.iter().any(|bar| !bar.measured) {
            root.draw(&Rectangle::new([(224, 52), (246, 66)], PALETTE[0].mix(0.45).filled()))?;
            root.draw(&Text::new("pale: measured elsewhere, see the text", (254, 50), text(16)))?;
        }
        let bottom = top + rows * row;
        let mut tick = 0.0;
        while tick <= most {
            root.draw(&PathElement::new([(at(tick), top - 6), (at(tick), bottom)], GRID))?;
            let centred = text(14).pos(Pos::new(HPos::Center, VPos::Top));
            root.draw(&Text::new(format!("{}", tick / 1024.0), (at(tick), bottom + 6), centred))?;
            tick += 8192.0;
        }
        let centred = text(15).pos(Pos::new(HPos::Center, VPos::Top));
        root.draw(&Text::new("KiB (beside the bars: bytes)", ((left + at(most)) / 2, bottom + 30), centred))?;
        for (y, bar) in (top..).step_by(usize::try_from(row)?).zip(bars) {
            let name = text(16).pos(Pos::new(HPos::Right, VPos::Center));
            root.draw(&Text::new(bar.name.clone(), (left - 10, y + 18), name))?;
            for (y, bytes, colour) in [(y, bar.bytes[0], client), (y + 19, bar.bytes[1], server)] {
                let colour = colour.mix(if bar.measured { 1.0 } else { 0.45 });
                root.draw(&Rectangle::new([(left, y), (at(bytes), y + 16)], colour.filled()))?;
                let value = text(14).pos(Pos::new(HPos::Left, VPos::Center));
                root.draw(&Text::new(format!("{bytes}"), (at(bytes) + 6, y + 9), value))?;
            }
        }
        root.present()?;
    }
    Ok(fs::write(file, svg)?)
}
