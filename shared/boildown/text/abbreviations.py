"""Words whose full stop usually does not end a sentence.

The tables are small on purpose. A stop before a lower-case word is never a boundary, so only abbreviations that
stand before a capital or a number need a row; initials ("J. K.") and dotted forms ("U.S.", "p.m.", "Ph.D.")
are recognised by their shape.
"""

from __future__ import annotations


def _table(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Titles, and words that announce what follows: they never end a sentence.
NEVER_END = _table(
    # English
    "dr mr mrs ms mx prof messrs gov capt cmdr lt sgt cpl supt vs v c cf viz approx eg ie e.g i.e incl resp "
    # German, Dutch
    "hr fr frl dipl bzw ca inkl exkl zzgl vgl bspw sog evtl ggf insb z.b d.h u.a v.a med u bijv dhr mevr o.a d.w.z "
    # Spanish, Portuguese, Italian, French
    "sr sra srta dra dña ud uds ee prof.ª profa exmo exma sig sigg dott mme mlle mgr av ap c.-à-d avda ing "
    # Polish, Turkish, Vietnamese, Indonesian
    "np tzn ul m.in hab inż św sn tp ths ts jl bpk yth rp s.d ir "
    # Russian, Ukrainian, Greek
    "им ул пр просп проф акад гр тов см ср т.е напр вул буд κ δρ αγ"
)

# They end a sentence unless a number follows: "No. 5", "Fig. 3", "Art. XII", "Jan. 5", "Tel. +49".
BEFORE_NUMBER = _table(
    "no nos fig figs eq eqs sec sect ch chap vol vols pp pg para par art ex app ref refs tab tbl ver nr num "
    "núm nº pág págs abs bd cap pag lám ris séc ust pkt godz blz рис гл стр табл ст кв д эт "
    "op pop al rs tel ext apt max min aprox env kap ziff jan feb mar apr jun jul aug sep sept oct nov dec"
)

# They may stand at the end of a sentence; a boundary needs a word that commonly opens one, and no number is one.
MAY_END = _table(
    "inc ltd co corp bros llc plc jr esq dept univ assn intl bldg ave blvd rd st mt ft ph.d al lit est "
    "gen col maj adm rev hon sen rep pres insp mio mrd"
)

# Common openers: after an initial or an abbreviation that may end a sentence, these say that a new one begins.
OPENERS = _table(
    # English
    "the this that these those there it its he she they we you his her their our my your who what when where why how "
    "a an in on at by for from to with as if but and or so yet however although though while since after before "
    "during because despite under over among between both all some many most each every one two several other "
    "another such no not then thus therefore moreover meanwhile according until once now today later also "
    # German, French, Spanish, Portuguese, Italian
    "der die das ein eine er sie es im am und aber le la les il elle ils elles un une des en dans el los las una "
    "o os as um uma ele ela no na lo gli uno nel "
    # Russian
    "в на он она они это и но с по после при его её их"
)

# German and Nordic ordinals ("am 3. Oktober", "im 19. Jahrhundert"): words after which "number + stop" is one.
BEFORE_ORDINAL = _table("der die das dem den des im am vom zum beim zur ab bis seit ein eine einen einem einer und")
AFTER_ORDINAL = _table(
    "januar jänner februar märz april mai juni juli august september oktober november dezember "
    "jahrhundert jahrhunderts jh jahrtausend weltkrieg auflage klasse"
)
