"""Why a customer is recommended what."""
