"""What people in a chat read about errors whose sentences in ``texts.errors`` are for operators, by the error's code.

The sentences here name no hosts, settings or flags. All other errors have their sentences in ``texts.errors``.
"""

from texts.errors import REASON_NO_FUNDS

_ADMINISTRATOR = "сообщите администратору"

SENTENCES = {
    "unexpected_failure": f"Что-то пошло не так. Попробуйте ещё раз; если не поможет, {_ADMINISTRATOR}.",
    "unreadable_file": f"Файл на сервере не читается: {_ADMINISTRATOR}. Готовое сохранено.",
    "bad_settings": f"Бот настроен неверно: {_ADMINISTRATOR}.",
    "bad_report_pack": f"Набор отчётов повреждён: {_ADMINISTRATOR}.",
    "missing_program": f"На сервере не хватает программы: {_ADMINISTRATOR}.",
    "weights_refused": f"Модель на сервере не загрузилась: {_ADMINISTRATOR}. Готовое сохранено.",
    "closed_models": f"Модель на сервере не загрузилась: {_ADMINISTRATOR}. Готовое сохранено.",
    "context_too_small": f"Запись слишком длинная для нынешней языковой модели: {_ADMINISTRATOR}. Готовое сохранено.",
    "no_language_model": f"Языковая модель отключена, поэтому отчётов и ответов нет: {_ADMINISTRATOR}.",
    "no_voice": f"Озвучивать здесь нечем: {_ADMINISTRATOR}.",
    "out_of_resources": "Сервер сейчас перегружен. Подождите немного: готовое не пропадёт.",
    "disk_full": f"На диске сервера не хватает места: {_ADMINISTRATOR}. Готовое не пропадёт.",
    "provider_error": "Сервис обработки ответил ошибкой. Готовое сохранено: повторите позже.",
    "provider_rate_limited": "Сервис обработки ограничил частоту запросов. Готовое сохранено: повторите позже.",
    "provider_unavailable": "Сервис обработки не отвечает. Готовое сохранено: повторите позже.",
    "provider_refused_key": f"Сервис обработки не принял ключ доступа: {_ADMINISTRATOR}. Готовое сохранено.",
    "provider_rejected_request": f"Сервис обработки отклонил запрос: {_ADMINISTRATOR}. Готовое сохранено.",
    "provider_invalid_answer": "Сервис обработки прислал непонятный ответ. Готовое сохранено: повторите позже.",
    "only_thoughts": f"Языковая модель долго рассуждает и не отвечает: {_ADMINISTRATOR}. Готовое сохранено.",
    "not_by_schema": f"Языковая модель отвечает не по форме. Готовое сохранено: повторите или {_ADMINISTRATOR}.",
    "context_cut": "Модель прочитала запись не до конца, её ответ отброшен. Готовое сохранено: повторите позже.",
    "database_unavailable": "База данных ненадолго пропала. Подождите минуту и повторите: готовое не пропадёт.",
    "embedded_database_away": "База данных ненадолго пропала. Подождите минуту и повторите: готовое не пропадёт.",
    "database_full": f"На диске сервера не хватает места: {_ADMINISTRATOR}. Готовое не пропадёт.",
    "database_misconfigured": f"База данных настроена неверно: {_ADMINISTRATOR}. Готовое не пропадёт.",
    "object_store_unavailable": "Хранилище файлов не отвечает. Подождите и повторите: готовое не пропадёт.",
    "object_folder_unavailable": f"Диск сервера не отвечает: {_ADMINISTRATOR}. Готовое не пропадёт.",
    "object_store_refused_key": f"Хранилище файлов не приняло ключ доступа: {_ADMINISTRATOR}. Готовое не пропадёт.",
    "engine_failed": f"Часть бота не запустилась: {_ADMINISTRATOR}. Готовое не пропадёт.",
    "report_index_broken": f"Список отчётов повреждён, сами отчёты целы: {_ADMINISTRATOR}.",
    "messenger_unavailable": "Telegram не отвечает. Бот продолжит, когда связь вернётся.",
    "messenger_refused_secrets": f"Telegram не принял ключи бота: {_ADMINISTRATOR}.",
    "building_needed": "Отчёты зависят от типа заведения: выберите его.",
}


NO_FUNDS = f"На счёте сервиса обработки закончились средства: {_ADMINISTRATOR}. Готовое сохранено."


def chat_text(code: str | None, text: str | None) -> str:
    """Return the sentence on an error for people in a chat: the one for its ``code`` if there is one, else ``text``."""
    if REASON_NO_FUNDS in (text or ""):
        return NO_FUNDS
    return SENTENCES.get(code or "", text or "")
