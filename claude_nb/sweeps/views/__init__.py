"""Show a sweep: live grid, static HTML, progress, plots."""
