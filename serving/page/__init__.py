"""The page for people: customers, their purchases and recommendations, articles, and who gets them."""
