"""The report pack: scenarios, reports, prompts, schemas and taxonomies as typed values."""
