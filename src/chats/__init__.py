"""Chats: threads of questions and answers over what recordings say."""
