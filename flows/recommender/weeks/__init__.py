"""What is fitted before which week: configurations, jobs, and the models of each week."""
