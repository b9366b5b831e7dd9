"""Are these tonight's data? Files and days, compared with those that earlier nights saw."""
