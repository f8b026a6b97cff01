// An example that no test runs.
