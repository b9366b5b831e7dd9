"""The dbt project, a package so that an installed project has it: SQL models and their tests, no Python."""
