// @ts-check
// Shows the doctor's free times of the day beside the form; a click takes one. Without this script
// the form works too: a time that is taken is refused, with others to choose from.

const form = document.querySelector("#appointment_form");
const doctor = /** @type {HTMLInputElement | null} */ (document.querySelector("#id_doctor_name"));
const day = /** @type {HTMLInputElement | null} */ (document.querySelector("#id_starts_at_0"));
const time = /** @type {HTMLInputElement | null} */ (document.querySelector("#id_starts_at_1"));
const minutes = /** @type {HTMLInputElement | null} */ (document.querySelector("#id_duration_min"));

let asked = 0;

/** @param {string} text e.g. "27/11/2026" or "2026-11-27" */
function isoDay(text) {
  const parts = /^(\d{1,2})\/(\d{1,2})\/(\d{4})$/.exec(text.trim());
  return parts ? `${parts[3]}-${parts[2].padStart(2, "0")}-${parts[1].padStart(2, "0")}` : text.trim();
}

/**
 * @param {HTMLElement} place
 * @param {{title: string, times: string[]}} free
 */
function show(place, free) {
  const buttons = free.times.map((start) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = start;
    button.addEventListener("click", () => {
      if (time) time.value = `${start}:00`;
    });
    return button;
  });
  place.replaceChildren(...(buttons.length ? [free.title, ...buttons] : []));
}

/** @param {HTMLElement} place */
async function ask(place) {
  if (!doctor?.value || !day?.value || !minutes?.value) return place.replaceChildren();
  const mine = ++asked;
  const query = new URLSearchParams({
    doctor: doctor.value,
    day: isoDay(day.value),
    minutes: minutes.value,
  });
  const url = new URL(`../free-times/?${query}`, location.href.replace(/[^/]+\/change\/.*$/, "add/"));
  const answer = await fetch(url);
  if (answer.ok && mine === asked) show(place, await answer.json());
}

if (form && doctor && day && time && minutes) {
  const place = document.createElement("div");
  place.className = "free-times";
  place.setAttribute("aria-live", "polite");
  (time.closest(".form-row") ?? form).append(place);
  for (const field of [doctor, day, minutes]) {
    field.addEventListener("change", () => ask(place));
    field.addEventListener("focus", () => ask(place)); // the calendar sets the day, then focuses it
  }
  ask(place);
}
