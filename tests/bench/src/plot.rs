//! A plot with two logarithmic axes, as SVG.

use std::fmt::Write as _;

/// One line of a plot.
pub struct Series {
    pub label: String,
    pub colour: &'static str,
    pub dashed: bool,
    /// With the lowest and the highest of what was measured.
    pub points: Vec<(f64, f64, f64, f64)>,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 380.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 170.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 50.0;

/// The axes: from a power of ten to a power of ten.
struct Axis {
    from: f64,
    to: f64,
    start: f64,
    length: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64> + Clone, start: f64, length: f64) -> Self {
        let from = values.clone().fold(f64::INFINITY, f64::min).log10().floor();
        let to = values.fold(0.0, f64::max).log10().ceil().max(from + 1.0);
        Self { from, to, start, length }
    }

    fn at(&self, value: f64) -> f64 {
        self.start + self.length * (value.log10() - self.from) / (self.to - self.from)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        (self.from as i32..=self.to as i32).map(|power| 10f64.powi(power))
    }
}

/// The plot; empty if there is nothing to show.
pub fn svg(x_title: &str, y_title: &str, series: &[Series]) -> String {
    let points = || series.iter().flat_map(|series| &series.points);
    if points().next().is_none() {
        return String::new();
    }
    let x = Axis::over(points().map(|point| point.0), LEFT, WIDTH - LEFT - RIGHT);
    // Upwards.
    let ends = points().flat_map(|point| [point.2, point.3]);
    let y = Axis::over(ends, HEIGHT - BOTTOM, TOP + BOTTOM - HEIGHT);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
    );
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for tick in x.ticks() {
        let at = x.at(tick);
        line(&mut svg, [at, TOP, at, bottom], "#ddd");
        text(&mut svg, at, bottom + 18.0, "middle", &number(tick));
    }
    for tick in y.ticks() {
        let at = y.at(tick);
        line(&mut svg, [LEFT, at, right, at], "#ddd");
        text(&mut svg, LEFT - 6.0, at + 4.0, "end", &number(tick));
    }
    text(&mut svg, f64::midpoint(LEFT, right), HEIGHT - 10.0, "middle", x_title);
    let middle = f64::midpoint(TOP, bottom);
    let _ = writeln!(svg, "<g transform=\"rotate(-90 16 {middle})\">");
    text(&mut svg, 16.0, middle, "middle", y_title);
    svg.push_str("</g>\n");
    for (i, series) in series.iter().enumerate() {
        draw(&mut svg, &x, &y, series, TOP + 12.0 + 20.0 * i as f64);
    }
    svg + "</svg>\n"
}

/// The line, the span of the rounds at each point, and its entry in the legend.
fn draw(svg: &mut String, x: &Axis, y: &Axis, series: &Series, legend: f64) {
    let dash = if series.dashed { " stroke-dasharray=\"5 4\"" } else { "" };
    let style = format!("fill=\"none\" stroke=\"{}\" stroke-width=\"2\"{dash}", series.colour);
    let places = series.points.iter().map(|point| format!("{:.1},{:.1}", x.at(point.0), y.at(point.1)));
    let _ = writeln!(svg, "<polyline {style} points=\"{}\"/>", places.collect::<Vec<_>>().join(" "));
    for (at, _, least, most) in &series.points {
        line(svg, [x.at(*at), y.at(*least), x.at(*at), y.at(*most)], series.colour);
    }
    let start = WIDTH - RIGHT + 12.0;
    let _ = writeln!(svg, "<polyline {style} points=\"{start},{legend} {},{legend}\"/>", start + 26.0);
    text(svg, start + 32.0, legend + 4.0, "start", &series.label);
}

fn line(svg: &mut String, [x1, y1, x2, y2]: [f64; 4], colour: &str) {
    let _ = writeln!(
        svg,
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\"/>"
    );
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>");
}

/// A number with groups of three digits.
pub fn number(value: f64) -> String {
    if value < 1.0 {
        return format!("{value}");
    }
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decades_are_equally_far_apart() {
        let axis = Axis::over([3.0, 700.0].into_iter(), 0.0, 300.0);
        assert_eq!([1.0, 10.0, 100.0, 1000.0].map(|value| axis.at(value)), [0.0, 100.0, 200.0, 300.0]);
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0.1, 1.0, 1e4, 1e6].map(number), ["0.1", "1", "10 000", "1 000 000"]);
    }

    #[test]
    fn nothing_to_show_is_no_plot() {
        assert_eq!(svg("x", "y", &[]), "");
    }
}
