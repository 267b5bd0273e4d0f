"""First names that are common in Argentina, folded; they tell a name from any other word.

The list is short on purpose: a name that is not in it is still found when it is capitalised, announced
("soy …", "a nombre de …") or asked for.
"""

from nova_sonic_simulator.dialogue.nlu.tokens import words

FIRST_NAMES = frozenset(
    words(
        "abril agostina agustin agustina alan alberto aldana alejandra alejandro alexis alfredo alicia"
        " alma amalia ambar ana analia andrea andres angel angela angelica antonella antonia antonio"
        " ariana ariel armando arturo azul barbara bautista beatriz belen benicio benjamin bianca blanca"
        " brenda brian bruno camila candela carla carlos carmen carolina catalina cecilia celeste"
        " cesar charo cintia clara claudia claudio constanza cristian cristina dalma daniel daniela"
        " dario david debora delfina diana diego dolores edgardo eduardo elena eliana elias elisa"
        " elsa emanuel emilia emiliano emilio emma enrique enzo erica ernesto esteban estefania ester"
        " esther eugenia eva evelyn ezequiel fabian fabiana fabio facundo federico felicitas felipe"
        " felix fernanda fernando fiorella florencia franca francisca francisco franco gabriel gabriela"
        " gaston genaro gerardo german giovanni gisela gladys gonzalo graciela gregorio guadalupe"
        " guido guillermina guillermo gustavo hector hernan hilda hipolito horacio hugo ignacio"
        " ines irene iris isabel isabella ivan ivana jacinta javier jazmin jeronimo jesica jimena"
        " joaquin joaquina jonatan jorge jose josefina juan juana juliana julia julian julieta julio"
        " justina justo karen karina lautaro lara laura leandro leo leonardo leonel leonor leticia"
        " lidia liliana lisandro lola lorena lorenzo lourdes luana lucas lucia luciana luciano lucila"
        " luis luisa luisina luz magali maia malena manuel manuela marcela marcelo marcos margarita"
        " maria mariana mariano mariela marina mario marisa marta martin martina mateo matias mauricio"
        " mauro maximiliano melina melisa mercedes mia micaela miguel milagros mirta mora morena"
        " nadia nahuel natalia nelida nelson nestor nicanor nicolas nicole noelia nora norberto norma"
        " octavio ofelia olga olivia omar oscar pablo paloma pamela paola patricia patricio paula"
        " paulina pedro pilar rafael ramiro ramon raquel raul rebeca ricardo rita roberto rocio"
        " rodolfo rodrigo romina rosa rosana rosario ruben sabrina salvador samanta samuel sandra"
        " santiago santino sara sebastian selena sergio silvana silvia silvina simon sofia sol soledad"
        " susana tamara tatiana teo teresa thiago tobias tomas ulises uma ursula valentin valentina"
        " valentino valeria vanesa vera veronica vicente victor victoria violeta virginia walter"
        " ximena yamila yanina yolanda zoe"
    )
)
