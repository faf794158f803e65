"""Clauses that mislead where they are cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from thread_seconds import thread_seconds

from boildown.text.clauses import clause_ends
from boildown.text.torn import untorn

# "‖" marks where a cut is left.
SENTENCES = {
    "brackets": "The median age (61 years, from 55 to 68; most were women) was higher, ‖which was not expected.",
    "brackets in brackets": "Some adults (median age 61 [IQR 55-68] years) were given metformin for years.",
    "a long bracket": f"He stayed (as {'many of the others had ' * 6}said, ‖and once more that day) for good.",
    "arguments": "def wrapper(*args: Any, **kwargs: dict[str, Any], retries: int = 3) -> None",
    "a tag": '<a title="The harbour, the lighthouse, the pier">It was rebuilt</a>, ‖and then it was sold.',
    "a colon": "Caused by the connection pool: all of its slots were in use, ‖so that nothing was saved.",
    "unless": "It was resolved to give up the office, unless the rent is lowered by May, ‖as Ms Osei said.",
    "except": "All items can be returned within a month, except for those bought in a sale.",
    "if": "Goods can be returned within a month, if the seal is unbroken, ‖by post or in a shop.",
    "in bold": "<p>The museum is closed on all public holidays, <b>except</b> on the third of October.</p>",
    "in italics": "Ask for a certificate of the internal authority, *not* of a public one, ‖as was said before.",
    "after and": "Meals are served in the garden, and **only** there, ‖as was said before.",
    "of all before": "It may be carried over, all at once, provided that Ms Osei agrees, ‖as in all of May.",
    "a list of conditions": "It may be carried over, unless it was lost, not used by May, or given back, as was said.",
    "a condition after a bracket": "The pump may be used for water [certificate 1182] except above sixty degrees.",
    "but": "I would do it next week for all of you, but I am out of the office until the end of May.",
    "although": "The bridge is open to traffic again, as was said, although heavy lorries may not use it.",
    "a label with a bracket": "Allergy to penicillin (severe): azithromycin on the first day, ‖as was said before.",
    "a numbered one": "9.1 Except as set out below, neither of them is liable for damages, ‖as was said before.",
    "a labelled one": "Methods: In this blind trial, the women were given one pill a day, ‖as they wished.",
    "an inner one": "It was made by two chemists, ‖and when the kidneys fail, the dose is halved.",
    "in brackets": "Dogs are allowed in all rooms (except in July and August) for a fee of ten euros.",
    "not in brackets": "The dose may be doubled after two weeks (not in children under twelve).",
    "an introduction": "Since March 2024, the office opens at nine, ‖and on some days at eight.",
    "a wrapped introduction": "Subject to the sale of the wind\nfarms, a dividend may be paid, ‖as it was before.",
    "what is excluded": "Notes\nExcluding the impairment, profit would have been higher, ‖as it was before.",
    "a marked heading": "# Leave (employees in the EU)\nUp to five days can be carried over, ‖as it was before.",
    "a heading": "Leave policy (employees in the EU)\nUp to five days can be carried over, ‖as it was before.",
    "a date": "[2024-03-04 13:15] Ada: The table has no index yet, ‖so that the query did a full scan.",
    "in the event": "The landlord may enter the flat without notice, in the event of fire, ‖as is the custom here.",
    "where": "It may be terminated without notice, where the customer has failed to pay two instalments.",
    "never": "The tablets can be taken with milk, never with grapefruit juice, ‖at any time of the day.",
    "a place": "She went back to the town, ‖where the harbour was rebuilt in the year of the storm.",
    "another condition": "It stops when the light is red; if the light is green, it can be started, ‖even from afar.",
    "but and a condition": "It is refunded in full, but if the keys are late, only half of it is, ‖as was said before.",
    "however": "They are refunded in full; however, for orders from abroad, no refund is given, ‖as was said before.",
    "German": "Die Kaution ist nach sechs Monaten abzurechnen, es sei denn, die Abrechnung steht noch aus.",
    "German, except": "Alle Beschäftigten erhalten im Dezember einen Bonus, mit Ausnahme der Werkstudenten.",
    "French": "Les frais de retour sont à la charge du client, sauf si le produit est défectueux.",
    "French, except": "Tous les visiteurs entrent gratuitement le dimanche, à l'exception des groupes.",
    "Spanish": "Se puede anular sin coste hasta dos días antes, si se paga con tarjeta en la página.",
    "Italian": "La garanzia dura due anni dalla consegna, ma solo per gli acquisti di un privato.",
    "Italian, except": "Tutti i visitatori entrano gratis la domenica, ad eccezione dei gruppi di oltre dieci.",
    "Dutch": "Tussentijds opzeggen is altijd mogelijk, maar niet in de eerste twaalf maanden.",
    "Polish": "Zwrot otwartych produktów jest możliwy, z wyjątkiem nagrań i kosmetyków.",
    "Russian": "Билет можно вернуть за сутки до отправления, кроме билетов по акции.",
    "Ukrainian": "Без чека повернення товару неможливе, крім випадків з кабінету.",
    "Turkish": "Ürünler on dört gün içinde iade edilebilir, ancak indirimli olanlar edilemez.",
    "Indonesian": "Barang dapat dikembalikan dalam tujuh hari, kecuali barang diskon.",
    "Vietnamese": "Khách hàng được đổi trả trong bảy ngày, trừ các sản phẩm giảm giá.",
    "Arabic": "يمكن إرجاع المنتجات خلال أسبوعين من الاستلام، إلا إذا تم فتح العبوة.",
    "Hebrew": "ניתן לבטל עסקה בתוך שבועיים מיום הקבלה, למעט מוצרים שיוצרו במיוחד.",
    "Hindi": "टिकट रद्द करने पर पूरा किराया वापस मिलेगा, लेकिन तत्काल टिकट पर नहीं।",
    "Chinese": "超过十五天的商品我们不予退换，除非会员注销账户，并且寄回商品的包装。",
    "unless and else": "年假原则上应当在当年休完，除非经部门负责人批准，否则不得结转至下一年度。",
    "a Chinese condition": "如果员工没有按规定提交医院证明，就按照旷工来处理，‖当月的奖金也停发。",
    "a Chinese subject": "未按公司规定提交医院证明的，按照旷工来处理，‖当月的奖金也停发。",
    "that in German": "Bitte beachten Sie stets, dass Anträge zwei Wochen vorher einzureichen sind.",
    "which in German": "Die Frist gilt nicht für einen Umzug an einen Ort, an dem keine Leistung möglich ist.",
    "which in Russian": "Скидка действует для всех клиентов, которые оплатили заказ на сайте.",
    "when in Ukrainian": "Без чека повернення можливе лише в тих випадках, коли покупку підтверджено.",
    "a dash for is": "Обслуживание карты на год — всего триста рублей для всех клиентов.",
}


@pytest.mark.parametrize("marked", SENTENCES.values(), ids=SENTENCES.keys())
def test_what_misleads_is_not_cut(marked: str) -> None:
    text = marked.replace("‖", "")
    ends = [0, *untorn(text, clause_ends(text)), len(text)]
    assert [text[a:b] for a, b in pairwise(ends)] == marked.split("‖")


def test_time_grows_with_the_text() -> None:
    text = "It is open on all days of the week, but not at night, or on Sundays; " * 2_000
    assert thread_seconds(lambda: untorn(text, clause_ends(text))) < 2
