"""Numbers with their signs, currencies and units, and dates and times, in running text.

Both are looked for around each run of digits only, which is what keeps them fast: most text has few.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_DIGITS = re.compile(r"\d+")

# Dates and times ----------------------------------------------------------------------------------------------

_MONTH = (
    r"(?:(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b\.?"
    r"|january|february|march|april|may|june|july|august|september|october|november|december"
    r"|januar|jänner|februar|märz|mai|juni|juli|oktober|dezember"
    r"|janvier|février|mars|avril|juin|juillet|août|septembre|octobre|novembre|décembre"
    r"|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre"
    r"|janeiro|fevereiro|março|maio|junho|julho|setembro|outubro|novembro|dezembro"
    r"|gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre|dicembre"
    r"|января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря"
    r"|يناير|فبراير|مارس|أبريل|مايو|يونيو|يوليو|أغسطس|سبتمبر|أكتوبر|نوفمبر|ديسمبر"
    r"|जनवरी|फ़?रवरी|मार्च|अप्रैल|मई|जून|जुलाई|अगस्त|सितंबर|अक्टूबर|नवंबर|दिसंबर)"
)
_CLOCK = r"\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?"
_DATE = re.compile(
    rf"\d{{4}}-\d{{2}}(?:-\d{{2}}(?:[T ]{_CLOCK}(?:Z|[+\-]\d{{2}}:?\d{{2}})?)?)?(?![\d\-])"
    r"|\d{1,2}([./\-])\d{1,2}\1(?:\d{4}|\d{2})(?![./\-]?\d)|\d{4}([./])\d{1,2}\2\d{1,2}(?!\d)"
    rf"|\d{{1,2}}(?:st|nd|rd|th|er|\.|º)?(?:\s?[–\-]\s?\d{{1,2}}\.?)?\s(?:of\s|de\s)?{_MONTH}(?!\w)"
    r"(?:,?\s(?:de\s|del\s)?\d{4}(?!\d))?"
    r"|\d{2,4}\s?年\s?\d{1,2}\s?月(?:\s?\d{1,2}\s?[日号號])?|\d{4}\s?年|\d{1,2}\s?月(?:\s?\d{1,2}\s?[日号號])?"
    r"|\d{1,2}[点點时時]\d{1,2}分?"
    r"|\d{4}년(?:\s?\d{1,2}월(?:\s?\d{1,2}일)?)?|\d{1,2}월\s?\d{1,2}일"
    r"|\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?!\d)(?:\s?[ap]\.?m\b\.?)?(?:\s?(?:UTC|GMT|[CEMP][SED]T)\b)?"
    r"|\d{1,2}\s?[ap](?:\.m\.|m\b)",
    re.IGNORECASE,
)
_WORD_BEFORE = re.compile(r"(?<!\w)([^\W\d_]{3,12}\.?\s(?:de\s|del\s|of\s)?|Q)\Z")
# "may 5" and "march 10" are verbs unless they have a capital.
_MONTH_FIRST = re.compile(
    rf"(?-i:(?![a-z])){_MONTH}\s(?:\d{{1,2}}(?:st|nd|rd|th)?(?:\s?[–\-]\s?\d{{1,2}})?(?!\d)(?:,?\s\d{{4}}(?!\d))?"
    r"|(?:de\s|del\s|of\s)?\d{4}(?!\d))"
    r"|Q[1-4]\s?\d{4}(?!\d)",
    re.IGNORECASE,
)
_HAN_DATE = re.compile(
    r"[〇零一二三四五六七八九]{2,4}年[一二三四五六七八九十]{1,3}月(?:[一二三四五六七八九十]{1,3}[日号號])?|[〇零一二三四五六七八九]{4}年"
)


def date_spans(text: str) -> Iterator[tuple[int, int]]:
    """Dates (ISO, numeric, with month names of twelve languages, CJK), months of a year, and times of day."""
    end = 0
    for digits in _DIGITS.finditer(text):
        at = digits.start()
        if at < end:
            continue
        before = _WORD_BEFORE.search(text, max(end, at - 20), at) if at else None
        match = _MONTH_FIRST.match(text, before.start()) if before else None
        if match is None and not (at and text[at - 1] == "."):
            match = _DATE.match(text, at)
        if match:
            yield match.span()
            end = match.end()
    if "年" in text:
        for match in _HAN_DATE.finditer(text):
            yield match.span()


# Numbers ------------------------------------------------------------------------------------------------------

_SYMBOL = r"$€£¥₹₩₽₺₫₴₦฿"
_CODE = r"USD|EUR|GBP|JPY|CNY|CHF|INR|RMB"
_CURRENCY = rf"(?:(?:US|A|C|HK|NT|R|S)?[{_SYMBOL}]|{_CODE}|Rs\.?)\s?"
# A sign counts only where no word stands before it; a currency code only where it is a whole word.
_BEFORE = re.compile(rf"(?:(?<![\w)\]])(?:[+\-−]|[±~≈<>≤≥]\s?))?(?:(?<![A-Za-z]){_CURRENCY})?\Z")
_VALUE = (
    # Thousands are grouped by an apostrophe or a space, or by a comma or stop, in Indian style by two digits. Both
    # repeats are bounded, since a longer run is a list of numbers.
    r"(?:\d{1,3}(?:[٬'’\u00a0\u202f\u2009 ]\d{3}(?!\d)){1,5}(?:[.,٫]\d+)?|\d+(?:[.,٫]\d+){0,8})"
    r"(?:[eE][+\-−]?\d+|\s?[×x·]\s?10(?:\^[+\-−]?\d+|[⁺⁻]?[⁰¹²³⁴-⁹]+))?(?:\s?[¼½¾⅓⅔⅛]|/\d+)?"
)
_UNIT = (
    r"(?:%|‰|m/s²?|km/h|°\s?[CFK]?|℃|℉|[nµμmckdhMG]?m[²³23]?|[µμmk]?g|[mkMGT]?W(?:h|p)?|[mkM]?V|[mk]?A|[kMG]?Hz|[hkM]?Pa|[kM]?J"
    r"|[kKMGTP]i?[Bb](?:it|ps|/s)?|bytes?|bits?|[µμmn]?s|min|h|mph|kn|m?[lL]|dB|k?cal|[kM]?Ω|mol|ppm|rpm"
    r"|psi|bar|feet|foot|ft|inch(?:es)?|yards?|yd|miles?|mi|acres?|hectares?|ha|pounds?|lbs?|oz|ounces?|tons?|tonnes?"
    r"|(?:square|cubic|sq|cu)\.?\s(?:kilomet(?:er|re)s?|met(?:er|re)s?|feet|miles?|mi|km|m|ft|in)"
    r"|kilomet(?:er|re)s?|centimet(?:er|re)s?|millimet(?:er|re)s?|met(?:er|re)s?|kilograms?|grams?|lit(?:er|re)s?"
    r"|degrees?|seconds?|minutes?|hours?|days?|weeks?|months?|years?|decades?|centuries|percent|per\scent|people|times"
    r"|points?|(?:thousand|million|billion|trillion|mn|bn|m|k|Millionen|Milliarden|Mio\.?|Mrd\.?|millions|milliards"
    r"|millones|milhões|milioni)(?:\s(?:dollars|euros|pounds|yen|people|years|tonnes|tons))?"
    rf"|dollars?|euros?|cents?|yen|{_CODE}|[{_SYMBOL}]"
    r"|Jahren?|Tagen?|Stunden|Prozent|Euro|ans|heures|jours|mètres|años|días|horas|metros|por\sciento|anni"
    r"|км²?|кг|см|мм|м|руб\.?|рублей|тыс\.?|млн|млрд|лет|года?|человек|процент\w{0,3}"
    r"|كم²?|متر|كيلومتر|مليون|مليار|ألف|سنة|عام|دولار|किमी|मीटर|लाख|करोड़|हज़ार|वर्ष|प्रतिशत|रुपये"
    r"|ล้าน|บาท|ปี|กิโลเมตร|เมตร)(?![\w²³])"
)
_HAN_UNIT = (
    r"[十百千万萬亿億兆]*(?:平方)?(?:公里|千米|公斤|千克|厘米|毫米|英里|英尺|美元|欧元|歐元|英镑|港元|日元|人民币|小时|小時"
    r"|分钟|分鐘|世纪|世紀|公顷|公頃|吨|噸|米|克|升|度|元|円|圆|岁|歲|人|名|个|個|次|年|月|日|天|周|倍|位|秒|分|％|点|號|号"
    r"|명|년|개|원)|[十百千万萬亿億兆]+"
)
_NUMBER = re.compile(
    rf"{_VALUE}(?:(?:\s?[–—\-−~〜～]\s?|\sto\s)(?:{_CURRENCY})?{_VALUE})?"
    rf"(?:[\s\-]?{_UNIT}|[A-Za-zµμΩ]{{1,4}}(?!\w)|{_HAN_UNIT})?"
)
_IN_WORD = re.compile(r"[A-Za-zÀ-ɏ_]")


def number_spans(text: str) -> Iterator[tuple[int, int]]:
    """Numbers with sign, currency, thousands separators, decimals, exponent, range, percent sign and unit.

    A number inside a word, such as the 86 of x86, is none.
    """
    end = 0
    for digits in _DIGITS.finditer(text):
        at = digits.start()
        if at < end or (at and _IN_WORD.match(text, at - 1)):
            continue
        match = _NUMBER.match(text, at)
        if match:
            before = _BEFORE.search(text, max(end, at - 8), at)
            yield (before.start() if before else at), match.end()
            end = match.end()
