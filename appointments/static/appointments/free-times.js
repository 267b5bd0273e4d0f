// @ts-check
/**
 * Shows the doctor's free times of the day beside the form; a click on one fills in the time. The form
 * also works without this script: the server refuses a taken time and suggests others.
 */

const form = document.querySelector("#appointment_form");
const doctor = /** @type {HTMLInputElement | null} */ (document.querySelector("#id_doctor_name"));
const day = /** @type {HTMLInputElement | null} */ (document.querySelector("#id_starts_at_0"));
const time = /** @type {HTMLInputElement | null} */ (document.querySelector("#id_starts_at_1"));
const minutes = /** @type {HTMLInputElement | null} */ (document.querySelector("#id_duration_min"));

/** Number of the newest request: responses of older ones are ignored. */
let latestRequest = 0;

/**
 * Return a day in ISO form.
 *
 * @param {string} text For example "27/11/2026" or "2026-11-27".
 */
function toIsoDay(text) {
  const parts = /^(\d{1,2})\/(\d{1,2})\/(\d{4})$/.exec(text.trim());
  return parts
    ? `${parts[3]}-${parts[2].padStart(2, "0")}-${parts[1].padStart(2, "0")}`
    : text.trim();
}

/**
 * @param {HTMLElement} container
 * @param {{ title: string, times: string[] }} freeTimes Times as "HH:MM".
 */
function showFreeTimes(container, freeTimes) {
  const buttons = freeTimes.times.map((start) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = start;
    button.addEventListener("click", () => {
      if (time) time.value = `${start}:00`;
    });
    return button;
  });
  container.replaceChildren(...(buttons.length ? [freeTimes.title, ...buttons] : []));
}

/** @param {HTMLElement} container */
async function loadFreeTimes(container) {
  if (!doctor?.value || !day?.value || !minutes?.value) return container.replaceChildren();
  const request = ++latestRequest;
  const query = new URLSearchParams({
    doctor: doctor.value,
    day: toIsoDay(day.value),
    minutes: minutes.value,
  });
  const url = new URL(
    `../free-times/?${query}`,
    location.href.replace(/[^/]+\/change\/.*$/, "add/"),
  );
  const response = await fetch(url);
  if (response.ok && request === latestRequest) showFreeTimes(container, await response.json());
}

if (form && doctor && day && time && minutes) {
  const container = document.createElement("div");
  container.className = "free-times";
  container.setAttribute("aria-live", "polite");
  (time.closest(".form-row") ?? form).append(container);
  for (const field of [doctor, day, minutes]) {
    field.addEventListener("change", () => loadFreeTimes(container));
    // The calendar sets the day without a change event, then focuses the field.
    field.addEventListener("focus", () => loadFreeTimes(container));
  }
  loadFreeTimes(container);
}
