"""Why a stretch of a recording has no text, as the transcript's reader sees it."""

CUT_OFF = "Файл обрезан: этой части записи в нём нет."
PART_FAILED = "Сервис распознавания не ответил. Повторите: готовое не пропадёт."
NOT_RECOGNISED = "Речь слышна, но распознать её не удалось."
