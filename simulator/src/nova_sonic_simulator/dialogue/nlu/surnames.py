"""Surnames that are common in Argentina, to spell what speech recognition writes by its sound.

"Kiroga" sounds like "Quiroga" in Argentina, "Viyalba" like "Villalba". A name that is in the list is left as it
is, and so is one that sounds like none of them.
"""

import re

from nova_sonic_simulator.dialogue.nlu.tokens import fold, words

SURNAMES = words(
    "Abad Acevedo Acosta Acuña Agüero Aguilar Aguilera Aguirre Alarcón Alderete Alegre Alfonso Almada"
    " Almirón Alonso Altamirano Álvarez Alvarado Amaya Andrada Andrade Aquino Aranda Araujo Aráoz Arce Arias"
    " Arrieta Arroyo Astudillo Avalos Ávila Ayala Báez Barboza Barrera Barreto Barrionuevo Barrios Bazán Becerra"
    " Beltrán Benavídez Benítez Bermúdez Bianchi Blanco Bogado Bravo Britos Brizuela Burgos Bustamante Bustos"
    " Caballero Cabral Cabrera Cáceres Campos Cano Cardozo Carrasco Carrizo Casas Castillo Castro Ceballos Cejas"
    " Centurión Chávez Colombo Contreras Córdoba Coria Coronel Correa Cortez Costa Cruz Cuello Dávila Delgado"
    " Díaz Domínguez Duarte Enríquez Escobar Escudero Espíndola Espinosa Estévez Farías Fernández Ferrari"
    " Ferreira Ferreyra Ferrero Figueroa Flores Franco Frías Fuentes Funes Galarza Galeano Gallardo Gallo Galván"
    " Gálvez García Garay Garro Gauna Gil Giménez Godoy Gómez González Gorosito Guerra Guerrero Guevara Gutiérrez"
    " Guzmán Heredia Hernández Herrera Herrero Ibáñez Ibarra Iglesias Jara Jiménez Jofré Juárez Lagos Ledesma"
    " Leguizamón Leiva Lezcano Lima Linares Llanos Lobo Lombardi López Lozano Lucero Ludueña Luján Luna Luque"
    " Machado Maciel Maidana Maldonado Mamani Mansilla Marín Mariani Márquez Martín Martínez Martino Medina"
    " Medrano Meza Méndez Mendoza Mercado Merlo Meyer Miño Miranda Molina Montenegro Montero Montes Montiel Mora"
    " Morales Moreno Moretti Moreyra Morínigo Moya Moyano Muñoz Murúa Navarro Nieto Nieva Núñez Ocampo Ojeda"
    " Oliva Olivera Olmos Ordóñez Orellana Ortega Ortiz Osorio Otero Oviedo Ovejero Pacheco Padilla Páez"
    " Palacios Pardo Paredes Parra Paz Pavón Peña Peralta Pereyra Pérez Pintos Pinto Ponce Portillo Prado"
    " Prieto Puebla Quinteros Quiñones Quintana Quiroga Quispe Ramírez Ramos Rearte Reyes Reynoso Ricci Ríos"
    " Rivas Rivarola Rivera Rivero Robles Robledo Rocha Rodas Rodríguez Rojas Roldán Rolón Romano Romero"
    " Rosales Rossi Rueda Ruiz Russo Saavedra Sáez Salas Salazar Saldaño Salinas Salvatierra Sánchez Sandoval"
    " Santana Santillán Santos Sanz Saravia Segovia Segura Sepúlveda Serrano Silva Silvestre Solís Soler Soria"
    " Sosa Sotelo Soto Suárez Taborda Tapia Tello Tévez Toledo Toloza Torales Torres Trejo Troncoso"
    " Ulloa Urquiza Valdés Valdez Valenzuela Valle Vallejos Vargas Varela Vázquez Vega Velázquez Velasco Vélez"
    " Vera Verón Vicente Videla Viera Villa Villalba Villanueva Villarreal Villegas Yáñez Zabala"
    " Zalazar Zamora Zapata Zárate Zeballos Zelaya Zúñiga"
)

_SOUNDS = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        (r"ch", "C"),
        (r"h", ""),
        (r"qu(?=[ei])|k|c(?![ei])|q", "K"),
        (r"[cz](?=[ei])|z|s|x", "s"),
        (r"gu(?=[ei])", "g"),
        (r"g(?=[ei])|j", "j"),
        (r"ll|y(?=[aeiou])", "Y"),
        (r"y", "i"),
        (r"[vw]", "b"),
        (r"ph", "f"),
        (r"m(?=[bp])|n(?=b)", "n"),
        (r"(.)\1+", r"\1"),
    )
)


def sound_of(word: str) -> str:
    """Return how a word sounds in Argentina: equal for words that are pronounced alike."""
    sound = fold(word.replace("ñ", "ny").replace("Ñ", "ny"))
    for pattern, written in _SOUNDS:
        sound = pattern.sub(written, sound)
    return sound


_BY_FOLDED = {fold(surname): surname for surname in SURNAMES}
_BY_SOUND = {sound_of(surname): surname for surname in reversed(SURNAMES)}


def spell_surname(word: str) -> str:
    """Return the common surname that sounds like `word`, or `word` if it is one or none does."""
    return word if fold(word) in _BY_FOLDED else _BY_SOUND.get(sound_of(word), word)


def listed_surname(word: str) -> str | None:
    """Return the common surname that is `word` or sounds like it, as it is written."""
    return _BY_FOLDED.get(fold(word)) or _BY_SOUND.get(sound_of(word))
