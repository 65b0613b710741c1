//! The two vendors' units as models, and walkers of their tables that were written from the manuals, not from the code.

mod confinement;
mod firmware;
mod model;
mod trouble;
mod walk;
