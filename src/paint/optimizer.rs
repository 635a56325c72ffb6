//! Minimisers of smooth functions of many variables inside a box.
//!
//! Both change the variables in place and keep their buffers between steps.

use super::Method;
use crate::error::{Error, Result};

/// A function to minimise, which owns its variables.
pub trait Problem {
    /// The variables, and the gradient from the last [`Self::evaluate`].
    fn variables_and_gradient(&mut self) -> (&mut [f32], &[f32]);

    /// Computes the gradient at the current variables, and returns the value.
    ///
    /// # Errors
    /// The computation failed.
    fn evaluate(&mut self) -> Result<f64>;
}

/// The outcome of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The variables moved.
    Moved,
    /// No direction led to a smaller value: this is a minimum within the precision of float32.
    Stuck,
}

/// A minimiser.
#[derive(Clone, Debug)]
pub enum Optimizer {
    /// Limited-memory BFGS.
    Lbfgs(Lbfgs),
    /// Adam.
    Adam(Adam),
}

impl Optimizer {
    /// The minimiser for `method`; `rate` is Adam's step size.
    pub fn new(method: Method, rate: f32) -> Self {
        match method {
            Method::Lbfgs => Self::Lbfgs(Lbfgs::default()),
            Method::Adam => Self::Adam(Adam::new(rate)),
        }
    }

    /// Takes one step; the first one also evaluates the start. Returns the outcome and the value at the new variables.
    ///
    /// # Errors
    /// The problem cannot be evaluated, or its value is not finite.
    pub fn step(&mut self, problem: &mut dyn Problem) -> Result<(Step, f64)> {
        match self {
            Self::Lbfgs(lbfgs) => lbfgs.step(problem),
            Self::Adam(adam) => adam.step(problem),
        }
    }
}

/// The state of a minimiser, to be saved to disk.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// L-BFGS: the reciprocal of each pair's dot product. Adam: rate, number of steps.
    pub numbers: Vec<f64>,
    /// L-BFGS: step and gradient change of each pair, oldest first. Adam: mean and mean square of the gradient.
    pub vectors: Vec<Vec<f32>>,
}

impl Optimizer {
    /// The state to save.
    pub fn memory(&self) -> Memory {
        match self {
            Self::Lbfgs(lbfgs) => Memory {
                numbers: lbfgs.pairs.iter().map(|(_, _, inverse)| *inverse).collect(),
                vectors: lbfgs.pairs.iter().flat_map(|(step, change, _)| [step.clone(), change.clone()]).collect(),
            },
            Self::Adam(adam) => Memory {
                numbers: vec![f64::from(adam.rate), f64::from(adam.steps)],
                vectors: vec![adam.first.clone(), adam.second.clone()],
            },
        }
    }

    /// Restores a saved state. Returns false if it is of another kind of minimiser.
    pub fn restore(&mut self, memory: Memory) -> bool {
        let Memory { numbers, vectors } = memory;
        match self {
            Self::Lbfgs(lbfgs) => {
                let fits = numbers.len() <= HISTORY && vectors.len() == 2 * numbers.len();
                let mut vectors = vectors.into_iter();
                let mut pairs = Vec::new();
                for inverse in numbers {
                    if let (Some(step), Some(change)) = (vectors.next(), vectors.next()) {
                        pairs.push((step, change, inverse));
                    }
                }
                *lbfgs = Lbfgs { pairs, ..Lbfgs::default() };
                fits
            }
            Self::Adam(adam) => {
                let (&[rate, steps], Ok([first, second])) = (&numbers[..], <[Vec<f32>; 2]>::try_from(vectors)) else {
                    return false;
                };
                if !(0.0..=1e9).contains(&steps) {
                    return false;
                }
                *adam = Adam { rate: rate as f32, steps: steps as i32, evaluated: false, first, second };
                true
            }
        }
    }
}

/// The least and the greatest value of a variable: black and white.
const BOX: (f32, f32) = (0.0, 1.0);
/// The number of pairs of step and gradient change that approximate the curvature.
const HISTORY: usize = 10;
/// Mean change of a variable in the first step, when no curvature is known yet.
const FIRST_STEP: f64 = 1.0 / 255.0;
/// Armijo's condition: the least fraction of the predicted decrease that a step must achieve.
const SUFFICIENT: f64 = 1e-4;
/// The number of step lengths to try before giving up a direction.
const TRIES: usize = 8;

/// L-BFGS (Liu and Nocedal 1989, two-loop recursion), projected onto the box. A variable at a bound stays there while
/// descent would push it out (Bertsekas 1982).
#[derive(Clone, Debug, Default)]
pub struct Lbfgs {
    /// Step, gradient change, and the reciprocal of their dot product; oldest first.
    pairs: Vec<(Vec<f32>, Vec<f32>, f64)>,
    /// The variables at the start of the step.
    place: Vec<f32>,
    gradient: Vec<f32>,
    direction: Vec<f32>,
    value: Option<f64>,
}

impl Lbfgs {
    fn step(&mut self, problem: &mut dyn Problem) -> Result<(Step, f64)> {
        let value = match self.value {
            Some(value) => value,
            None => finite(problem.evaluate()?)?,
        };
        self.begin(problem);
        loop {
            let fresh = self.pairs.is_empty();
            let slope = self.aim();
            if let Some(reached) = self.search(problem, value, slope)? {
                self.learn(problem);
                self.value = Some(reached);
                return Ok((Step::Moved, reached));
            }
            if fresh {
                // The variables are back at the start of the step, so the gradient must be computed there again.
                self.value = Some(finite(problem.evaluate()?)?);
                return Ok((Step::Stuck, value));
            }
            // The curvature was misleading; steepest descent tells whether any direction leads down.
            self.pairs.clear();
        }
    }

    /// Saves the variables and the gradient at the start of the step.
    fn begin(&mut self, problem: &mut dyn Problem) {
        let (variables, gradient) = problem.variables_and_gradient();
        self.place.clear();
        self.place.extend_from_slice(variables);
        self.gradient.clear();
        self.gradient.extend_from_slice(gradient);
    }

    /// Computes a descent direction and returns the slope along it.
    fn aim(&mut self) -> f64 {
        let Self { pairs, place, gradient, direction, .. } = self;
        direction.clear();
        direction.extend(place.iter().zip(gradient.iter()).map(|(&x, &g)| if is_blocked(x, g) { 0.0 } else { -g }));
        let mut shares = Vec::with_capacity(pairs.len());
        for (step, change, inverse) in pairs.iter().rev() {
            let share = inverse * dot(step, direction);
            add_scaled(direction, -share, change);
            shares.push(share);
        }
        match pairs.last() {
            Some((_, change, inverse)) => scale(direction, 1.0 / (inverse * dot(change, change))),
            None => {
                let mean = direction.iter().map(|g| f64::from(g.abs())).sum::<f64>() / direction.len().max(1) as f64;
                scale(direction, FIRST_STEP / mean.max(f64::MIN_POSITIVE));
            }
        }
        for ((step, change, inverse), share) in pairs.iter().zip(shares.into_iter().rev()) {
            let back = inverse * dot(change, direction);
            add_scaled(direction, share - back, step);
        }
        for ((d, &x), &g) in direction.iter_mut().zip(place.iter()).zip(gradient.iter()) {
            if is_blocked(x, g) {
                *d = 0.0;
            }
        }
        let slope = dot(direction, gradient);
        if slope < 0.0 || pairs.is_empty() {
            return slope;
        }
        pairs.clear();
        self.aim()
    }

    /// Backtracks along the direction to a smaller value and returns it. If there is none, resets the variables.
    fn search(&mut self, problem: &mut dyn Problem, value: f64, slope: f64) -> Result<Option<f64>> {
        let Self { place, gradient, direction, .. } = self;
        if slope >= 0.0 || !slope.is_finite() {
            return Ok(None);
        }
        let mut length = 1.0;
        for _ in 0..TRIES {
            let (variables, _) = problem.variables_and_gradient();
            let mut promised = 0.0;
            for (((to, &from), &d), &g) in variables.iter_mut().zip(&*place).zip(&*direction).zip(&*gradient) {
                *to = (from + length as f32 * d).clamp(BOX.0, BOX.1);
                promised += f64::from(*to - from) * f64::from(g);
            }
            let reached = problem.evaluate()?;
            if reached <= value + SUFFICIENT * promised.min(0.0) && reached < value {
                return Ok(Some(reached));
            }
            // The minimum of the parabola through both values and the slope, clamped to a sensible range.
            let parabola = -slope * length * length / (2.0 * (reached - value - slope * length));
            length = if parabola.is_finite() { parabola.clamp(0.1 * length, 0.5 * length) } else { 0.25 * length };
        }
        problem.variables_and_gradient().0.copy_from_slice(place);
        Ok(None)
    }

    /// Adds the pair of this step to the curvature estimate.
    fn learn(&mut self, problem: &mut dyn Problem) {
        let (mut step, mut change, _) =
            if self.pairs.len() == HISTORY { self.pairs.remove(0) } else { (Vec::new(), Vec::new(), 0.0) };
        let (variables, gradient) = problem.variables_and_gradient();
        step.clear();
        step.extend(variables.iter().zip(&self.place).map(|(to, from)| to - from));
        change.clear();
        change.extend(gradient.iter().zip(&self.gradient).map(|(to, from)| to - from));
        let product = dot(&step, &change);
        // Only positive curvature keeps the direction downhill.
        if product > 1e-10 * dot(&change, &change) {
            self.pairs.push((step, change, 1.0 / product));
        }
    }
}

/// Whether a variable is at a bound and descent would push it out of the box.
fn is_blocked(x: f32, g: f32) -> bool {
    (x <= BOX.0 && g > 0.0) || (x >= BOX.1 && g < 0.0)
}

/// Adam (Kingma and Ba 2015), projected onto the box.
#[derive(Clone, Debug)]
pub struct Adam {
    rate: f32,
    steps: i32,
    /// The problem has been evaluated at the current variables.
    evaluated: bool,
    first: Vec<f32>,
    second: Vec<f32>,
}

/// Decay of the mean and of the mean square of the gradient. The second is below the usual 0.999, because the losses
/// change by orders of magnitude in the first hundred steps.
const DECAY: (f32, f32) = (0.9, 0.99);

impl Adam {
    /// A minimiser that moves each variable by about `rate` per step.
    pub fn new(rate: f32) -> Self {
        Self { rate, steps: 0, evaluated: false, first: Vec::new(), second: Vec::new() }
    }

    fn step(&mut self, problem: &mut dyn Problem) -> Result<(Step, f64)> {
        if !self.evaluated {
            finite(problem.evaluate()?)?;
            self.evaluated = true;
        }
        self.steps += 1;
        let (variables, gradient) = problem.variables_and_gradient();
        self.first.resize(variables.len(), 0.0);
        self.second.resize(variables.len(), 0.0);
        // Corrects the bias of averages that start at 0.
        let rate = self.rate / (1.0 - DECAY.0.powi(self.steps));
        let root = (1.0 - DECAY.1.powi(self.steps)).sqrt().recip();
        let averages = self.first.iter_mut().zip(&mut self.second);
        for ((x, &g), (first, second)) in variables.iter_mut().zip(gradient).zip(averages) {
            *first += (1.0 - DECAY.0) * (g - *first);
            *second += (1.0 - DECAY.1) * (g * g - *second);
            *x = (*x - rate * *first / (second.sqrt() * root + f32::MIN_POSITIVE)).clamp(BOX.0, BOX.1);
        }
        Ok((Step::Moved, finite(problem.evaluate()?)?))
    }
}

fn finite(value: f64) -> Result<f64> {
    if value.is_finite() {
        return Ok(value);
    }
    Err(Error::failed("the losses are no longer finite; use smaller weights, or --optimizer lbfgs"))
}

/// The dot product. Sums blocks in float32 and their total in float64, which is fast and exact enough.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    let block = |(a, b): (&[f32], &[f32])| {
        let mut lanes = [0.0f32; 16];
        for (a, b) in a.as_chunks::<16>().0.iter().zip(b.as_chunks::<16>().0) {
            (0..16).for_each(|lane| lanes[lane] += a[lane] * b[lane]);
        }
        let rest: f32 = a.as_chunks::<16>().1.iter().zip(b.as_chunks::<16>().1).map(|(a, b)| a * b).sum();
        f64::from(rest) + lanes.iter().map(|&lane| f64::from(lane)).sum::<f64>()
    };
    a.chunks(1024).zip(b.chunks(1024)).map(block).sum()
}

fn add_scaled(to: &mut [f32], factor: f64, from: &[f32]) {
    let factor = factor as f32;
    to.iter_mut().zip(from).for_each(|(to, from)| *to += factor * from);
}

fn scale(values: &mut [f32], factor: f64) {
    let factor = factor as f32;
    values.iter_mut().for_each(|value| *value *= factor);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A function in closed form that counts its evaluations.
    struct Formula {
        x: Vec<f32>,
        gradient: Vec<f32>,
        function: fn(&[f32], &mut [f32]) -> f64,
        asked: usize,
    }

    impl Formula {
        fn new(x: &[f32], function: fn(&[f32], &mut [f32]) -> f64) -> Self {
            Self { x: x.to_vec(), gradient: vec![0.0; x.len()], function, asked: 0 }
        }
    }

    impl Problem for Formula {
        fn variables_and_gradient(&mut self) -> (&mut [f32], &[f32]) {
            (&mut self.x, &self.gradient)
        }

        fn evaluate(&mut self) -> Result<f64> {
            self.asked += 1;
            Ok((self.function)(&self.x, &mut self.gradient))
        }
    }

    /// A bent valley, scaled into the box. The minimum is at (0.5, 0.25).
    fn rosenbrock(x: &[f32], gradient: &mut [f32]) -> f64 {
        let (a, b) = (f64::from(x[0]) * 2.0, f64::from(x[1]) * 4.0);
        gradient[0] = (2.0 * (-2.0 * (1.0 - a) - 400.0 * a * (b - a * a))) as f32;
        gradient[1] = (4.0 * 200.0 * (b - a * a)) as f32;
        (1.0 - a).powi(2) + 100.0 * (b - a * a).powi(2)
    }

    /// Axes of very different curvature. The minimum is at 0.3 on each.
    fn quadratic(x: &[f32], gradient: &mut [f32]) -> f64 {
        let mut value = 0.0;
        for (place, (&x, g)) in x.iter().zip(gradient).enumerate() {
            let curvature = 10f64.powf(place as f64 / 25.0);
            let off = f64::from(x) - 0.3;
            value += curvature * off * off;
            *g = (2.0 * curvature * off) as f32;
        }
        value
    }

    /// The minimum is at (1.5, -0.5), outside the box.
    fn outside(x: &[f32], gradient: &mut [f32]) -> f64 {
        let (a, b) = (f64::from(x[0]) - 1.5, f64::from(x[1]) + 0.5);
        (gradient[0], gradient[1]) = ((2.0 * a + b) as f32, (2.0 * b + a) as f32);
        a * a + b * b + a * b
    }

    fn minimise(mut optimizer: Optimizer, problem: &mut Formula, steps: usize) -> Vec<f64> {
        let mut values = Vec::new();
        for _ in 0..steps {
            let (step, value) = optimizer.step(problem).unwrap();
            values.push(value);
            if step == Step::Stuck {
                break;
            }
        }
        values
    }

    #[test]
    fn lbfgs_follows_rosenbrocks_valley_to_the_minimum() {
        let mut problem = Formula::new(&[0.1, 0.9], rosenbrock);
        let values = minimise(Optimizer::Lbfgs(Lbfgs::default()), &mut problem, 80);
        assert!(values.windows(2).all(|pair| pair[1] <= pair[0]), "never uphill: {values:?}");
        assert!((problem.x[0] - 0.5).abs() < 1e-3 && (problem.x[1] - 0.25).abs() < 1e-3, "{:?}", problem.x);
    }

    #[test]
    fn lbfgs_needs_about_one_evaluation_a_step_and_few_steps_on_a_quadratic() {
        let mut problem = Formula::new(&[0.9; 50], quadratic);
        let values = minimise(Optimizer::Lbfgs(Lbfgs::default()), &mut problem, 60);
        assert!(values.last().unwrap() < &1e-6, "{values:?}");
        assert!(problem.asked < values.len() * 3 / 2 + 12, "{} for {} steps", problem.asked, values.len());
    }

    #[test]
    fn adam_finds_the_minimum_of_a_quadratic() {
        let mut problem = Formula::new(&[0.9; 50], quadratic);
        minimise(Optimizer::Adam(Adam::new(0.01)), &mut problem, 600);
        assert!(problem.x.iter().all(|x| (x - 0.3).abs() < 0.01), "{:?}", problem.x);
    }

    #[test]
    fn a_minimum_outside_the_box_is_found_on_its_boundary() {
        // In the corner (1, 0), descent pushes both variables outwards.
        for optimizer in [Optimizer::Lbfgs(Lbfgs::default()), Optimizer::Adam(Adam::new(0.05))] {
            let mut problem = Formula::new(&[0.4, 0.6], outside);
            minimise(optimizer, &mut problem, 100);
            assert!((problem.x[0] - 1.0).abs() < 1e-4 && problem.x[1].abs() < 1e-4, "{:?}", problem.x);
        }
    }

    #[test]
    fn at_the_minimum_lbfgs_reports_it_and_stays() {
        let mut problem = Formula::new(&[0.3; 50], quadratic);
        let mut optimizer = Optimizer::Lbfgs(Lbfgs::default());
        let ends: Vec<Step> = (0..3).map(|_| optimizer.step(&mut problem).unwrap().0).collect();
        assert_eq!(ends[2], Step::Stuck);
        assert!(problem.x.iter().all(|x| (x - 0.3).abs() < 1e-4));
    }

    #[test]
    fn a_restored_minimiser_continues_as_if_never_interrupted() {
        for fresh in [Optimizer::Lbfgs(Lbfgs::default()), Optimizer::Adam(Adam::new(0.01))] {
            let mut straight = Formula::new(&[0.9; 50], quadratic);
            minimise(fresh.clone(), &mut straight, 12);
            let mut problem = Formula::new(&[0.9; 50], quadratic);
            let mut first = fresh.clone();
            for _ in 0..5 {
                first.step(&mut problem).unwrap();
            }
            let (mut second, mut elsewhere) = (fresh.clone(), Formula::new(&problem.x, quadratic));
            assert!(second.restore(first.memory()));
            minimise(second, &mut elsewhere, 7);
            assert_eq!(straight.x, elsewhere.x);
        }
    }

    #[test]
    fn the_state_of_another_minimiser_or_a_damaged_one_is_refused() {
        let memory =
            |numbers: &[f64], vectors: usize| Memory { numbers: numbers.to_vec(), vectors: vec![vec![0.5]; vectors] };
        let (lbfgs, adam) = (|| Optimizer::Lbfgs(Lbfgs::default()), || Optimizer::Adam(Adam::new(0.1)));
        assert!(lbfgs().restore(memory(&[1.0; HISTORY], 2 * HISTORY)) && adam().restore(memory(&[0.1, 3.0], 2)));
        assert!(!lbfgs().restore(memory(&[1.0; HISTORY + 1], 2 * HISTORY + 2)));
        assert!(!lbfgs().restore(memory(&[0.1, 3.0], 2)));
        for steps in [-1.0, 1e300, f64::NAN] {
            assert!(!adam().restore(memory(&[0.1, steps], 2)), "{steps}");
        }
    }

    #[test]
    fn a_value_that_is_not_finite_is_an_error() {
        let mut problem = Formula::new(&[0.5], |_, _| f64::NAN);
        assert!(Optimizer::Adam(Adam::new(0.1)).step(&mut problem).is_err());
        assert!(Optimizer::Lbfgs(Lbfgs::default()).step(&mut problem).is_err());
    }
}
