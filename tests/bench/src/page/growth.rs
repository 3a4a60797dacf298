//! What a call costs as something grows: plots, tables, and why.

use super::{cell, head, row, short};
use crate::growth::{CURVES, Curve, Point, spread};
use crate::plot::{Series, number, svg};
use crate::results::Results;

/// A cost that varies by less is called flat.
const FLAT: f64 = 1.5;

/// The text, and the plots by file name.
pub fn render(results: &Results, folder: &str) -> (String, Vec<(String, String)>) {
    let mut plots = Vec::new();
    if results.growth.is_empty() {
        return (String::new(), plots);
    }
    let mut text = String::from(
        "\n## Growth\n\nCPU time of a call, within the measured time. Lines are medians; upright lines span the rounds.\n",
    );
    for curve in CURVES {
        let names = contenders(results, curve);
        let series: Vec<_> = names.iter().flat_map(|name| lines(results, curve, name)).collect();
        let plot = svg(curve.title, "CPU µs per call", &series);
        if plot.is_empty() {
            continue;
        }
        let file = format!("{}.svg", curve.name);
        text.push_str(&format!(
            "\n### {}\n\n{}\n\n![CPU time of a call over {}]({folder}/{file})\n\n",
            curve.title,
            curve.about,
            curve.title.to_lowercase()
        ));
        text.push_str(&table(results, curve, &names));
        text.push_str(&explanation(results, curve));
        plots.push((file, plot));
    }
    (text, plots)
}

fn contenders<'r>(results: &'r Results, curve: &Curve) -> Vec<&'r str> {
    let mut names: Vec<&str> = Vec::new();
    for point in results.growth.iter().filter(|point| point.curve == curve.name) {
        if !names.contains(&point.contender.as_str()) {
            names.push(&point.contender);
        }
    }
    names
}

type Figure = fn(&Point) -> f64;
const SIDES: [(&str, Figure); 2] = [("client", |point| point.client_us), ("server", |point| point.server_us)];

fn lines(results: &Results, curve: &Curve, contender: &str) -> Vec<Series> {
    let colours = if contender == "libfast" { ["#c0392b", "#e67e22"] } else { ["#2c3e50", "#7f8c8d"] };
    let line = |((side, figure), colour): ((&str, Figure), &'static str)| Series {
        label: format!("{contender}, {side}"),
        colour,
        dashed: contender != "libfast",
        points: curve
            .points
            .iter()
            .filter_map(|x| {
                let cost = spread(results, curve.name, contender, *x, figure)?;
                Some((*x as f64, cost.median, cost.least, cost.most))
            })
            .collect(),
    };
    SIDES.into_iter().zip(colours).map(line).collect()
}

fn table(results: &Results, curve: &Curve, names: &[&str]) -> String {
    let mut columns = vec![curve.title.to_owned()];
    for name in names {
        columns.extend([format!("{name}: client µs"), "server µs".into(), "calls a second".into()]);
    }
    let mut text = head(&columns.iter().map(String::as_str).collect::<Vec<_>>());
    for x in curve
        .points
        .iter()
        .filter(|x| results.growth.iter().any(|point| point.curve == curve.name && point.x == **x))
    {
        let mut cells = vec![number(*x as f64)];
        for name in names {
            let median =
                |figure: Figure| spread(results, curve.name, name, *x, figure).map(|spread| spread.median);
            cells.extend(SIDES.map(|(_, figure)| cell(median(figure))));
            let rate = median(|point| point.per_second.unwrap_or(f64::NAN));
            cells.push(rate.map_or("–".into(), number));
        }
        text.push_str(&row(cells));
    }
    text
}

/// What became of the cost of libfast, and why, if anything did.
fn explanation(results: &Results, curve: &Curve) -> String {
    let both = |x: &usize| {
        let total = |point: &Point| point.client_us + point.server_us;
        Some((*x, spread(results, curve.name, "libfast", *x, total)?.median))
    };
    let costs: Vec<(usize, f64)> = curve.points.iter().filter_map(both).collect();
    let (Some(first), Some(last)) = (costs.first(), costs.last()) else { return String::new() };
    let by_cost = |a: &&(usize, f64), b: &&(usize, f64)| a.1.total_cmp(&b.1);
    let (least, most) =
        (costs.iter().min_by(by_cost).unwrap_or(first), costs.iter().max_by(by_cost).unwrap_or(first));
    let at = |(x, cost): &(usize, f64)| format!("{} µs at {}", short(*cost), number(*x as f64));
    let mut text = format!("\nlibfast, both sides together: {}, {}", at(first), at(last));
    if most.1 / least.1 < FLAT {
        text.push_str(": flat.\n");
    } else {
        text.push_str(&format!("; lowest {}, highest {}. {}\n", at(least), at(most), curve.because));
    }
    text
}
