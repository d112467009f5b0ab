"""What people read when they correct a transcript: speakers and words."""

NAME_TOO_LONG = "Имя слишком длинное: больше {most} символов. Пришлите покороче."
NAME_TAKEN = "«{name}» уже есть среди говорящих. Если это один человек, объедините их; если нет, уточните имя."
TEXT_TOO_LONG = "Реплика слишком длинная: больше {most} символов. Пришлите покороче."
NOTHING_TO_UNDO = "Отменять нечего: это самая первая расшифровка."
