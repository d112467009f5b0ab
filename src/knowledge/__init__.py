"""What questions are answered from: chunks of transcripts, reports and documents, their vectors, and the index."""
