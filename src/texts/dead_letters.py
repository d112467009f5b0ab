"""What the owner reads in the list of dead letters."""

BUTTON = "📮 Не доставлено: {count}"
TITLE = "📮 <b>Не доставлено: {count}</b>"
PAGE = "Страница {page} из {pages}."
NOTHING = "📮 Недоставленного нет."
LETTER = "<b>{place}.</b> {what}\nДля кого: {person}\n{when} · {why}"
RETRY = "🔁 Повторить {place}"
REMOVE = "🗑 Убрать {place}"
RETRY_ALL = "🔁 Повторить всё"
PREVIOUS = "◀"
NEXT = "▶"

RETRIED = "Поставлено в очередь"
RETRIED_NOTE = "🔁 Повторяется: {count}. Что снова не выйдет, вернётся в этот список."
RETRIED_ALL = "Поставлено в очередь: {count}"
REMOVED = "Убрано из списка"
GONE = "Этого в списке уже нет"

FILES = {
    "transcript": "Файл с расшифровкой",
    "report": "Файл с отчётом",
    "recording": "Исходный файл",
    "speech": "Голосовое сообщение",
    "fragment": "Отрывок записи",
}
MESSAGES = {"result": "Результат", "input_request": "Вопрос", "confirmation": "Вопрос"}
MESSAGE = "Сообщение"
WORK = {
    "recording": "Обработка записи №{recording}",
    "report": "Отчёт «{label}» по записи №{recording}",
    "answer": "Ответ в чате №{chat}",
}
RESEARCH = "Исследование"
ABOUT_RESEARCH = "{what}: исследование"
ABOUT_NOTHING = "{what}"
ABOUT_REPORT = "{what}: отчёт №{report}, запись №{recording}"
ABOUT_FAILED_REPORT = "{what}: отчёт «{label}», запись №{recording}"
ABOUT_RECORDING = "{what}: запись №{recording}"
ABOUT_CHAT = "{what}: чат №{chat}"

UNKNOWN = "неизвестная ошибка, подробности в журнале"
_PROVIDER = "сервис обработки"
REASONS = {
    "unreadable_file": "файл не читается",
    "empty_file": "файл пустой",
    "not_a_recording": "это не аудио и не видео",
    "no_sound_track": "в файле нет звука",
    "broken_recording": "запись повреждена",
    "original_gone": "исходный файл записи потерян",
    "original_awaited": "исходный файл записи ждали от бота",
    "recording_too_short": "запись слишком короткая",
    "recording_too_long": "запись слишком длинная",
    "recording_too_large": "файл слишком большой",
    "no_speech": "в записи не слышно речи",
    "document_unknown": "документ незнакомого вида",
    "document_broken": "документ не читается",
    "document_too_large": "документ слишком большой",
    "document_without_text": "в документе нет текста",
    "transcript_broken": "готовая расшифровка не читается",
    "transcript_without_words": "в готовой расшифровке нет слов",
    "nothing_to_research": "читать для исследования уже нечего",
    "document_not_allowed": "документы загружают не все",
    "unknown_choice": "выбранного больше нет",
    "building_needed": "не указан тип заведения",
    "bad_settings": "неверные настройки",
    "bad_report_pack": "набор отчётов повреждён",
    "context_too_small": "запись не помещается в контекст языковой модели",
    "no_language_model": "языковая модель отключена",
    "missing_program": "на сервере не хватает программы",
    "weights_refused": "модель на сервере не загрузилась",
    "closed_models": "модель на сервере не записать в её папку",
    "limit_reached": "исчерпан предел того, кто это заказал",
    "out_of_resources": "сервер был перегружен",
    "disk_full": "на диске нет места",
    "provider_error": f"{_PROVIDER} ответил ошибкой",
    "provider_unavailable": f"{_PROVIDER} не отвечал",
    "provider_rate_limited": f"{_PROVIDER} ограничил частоту запросов",
    "provider_invalid_answer": f"{_PROVIDER} прислал непонятный ответ",
    "only_thoughts": "языковая модель только рассуждала и не ответила",
    "not_by_schema": "языковая модель отвечала не по форме",
    "context_cut": "языковая модель прочитала запись не до конца",
    "provider_refused_key": f"{_PROVIDER} не принял ключ доступа",
    "provider_rejected_request": f"{_PROVIDER} отклонил запрос",
    "database_unavailable": "база данных не отвечала",
    "database_full": "на диске базы данных нет места",
    "database_misconfigured": "база данных не принимала записи",
    "embedded_database_away": "база данных не отвечала",
    "object_store_unavailable": "хранилище файлов не отвечало",
    "object_damaged": "файл в хранилище повреждён",
    "object_folder_unavailable": "папка с записями недоступна",
    "object_store_refused_key": "хранилище файлов не приняло ключ доступа",
    "report_index_broken": "список отчётов повреждён",
    "engine_failed": "встроенный движок не сработал",
    "not_found": "того, что отправляли, уже нет",
    "report_file_gone": "файла отчёта больше нет",
    "words_changed": "разметка спикеров меняла слова",
    "messenger_error": "Telegram отклонил сообщение",
    "messenger_unavailable": "Telegram не отвечал",
    "messenger_refused_secrets": "Telegram не принял ключи бота",
    "chat_closed": "человек остановил бота и получит всё, когда вернётся",
    "file_gone": "Telegram больше не отдаёт файл",
}
"""Reasons by the error's code. They name no hosts and settings, which do not help here, and nobody's file names."""
