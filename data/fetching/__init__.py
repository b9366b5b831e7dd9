"""Where raw files are fetched from: S3, and Kaggle by its own client."""
