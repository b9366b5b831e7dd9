"""A page to look at: customers, their purchases and recommendations, articles, who gets them."""
