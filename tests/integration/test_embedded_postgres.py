import psycopg


async def test_a_database_is_empty_and_knows_cyrillic_letters(empty_database_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(empty_database_url) as connection:
        cursor = await connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert await cursor.fetchone() == (0,)
        cursor = await connection.execute("SELECT current_setting('server_encoding'), lower('ЁЖ')")
        assert await cursor.fetchone() == ("UTF8", "ёж")
