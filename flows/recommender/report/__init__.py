"""What a run tells people and programs: report.json, cards, charts, the page, the README's tables."""
