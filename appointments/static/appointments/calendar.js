// @ts-check
/**
 * The calendar of appointments: FullCalendar with the data of the server. A click on a free time opens the
 * booking form, an appointment is a link to its form, and a drag moves it after a question. A time that is offered
 * to the waiting list links to the patient who waits, or says why it can't be booked. The server decides; what it
 * refuses snaps back with its sentence.
 *
 * Times are local times of the clinic without an offset, so that the browser's own time zone doesn't matter.
 */

/**
 * @typedef {{ id?: string, start: string, end: string, doctor: string, patient: string, kind?: string,
 *   status: string, state: string, url?: string, version?: string, isMovable?: boolean,
 *   moveUrl?: string, reason?: string }} Appointment
 * @typedef {{ events: Appointment[], closed: { start: string, end: string, reason: string }[],
 *   isComplete: boolean }} Answer
 * @typedef {typeof import("@fullcalendar/timegrid")} WithOptionsOfTimeGrid
 * @typedef {typeof import("@fullcalendar/interaction")} WithOptionsOfInteraction
 */

/**
 * @template {Element} T
 * @param {string} selector
 * @returns {T | null}
 */
function find(selector) {
  return document.querySelector(selector);
}

/** FullCalendar defines this name; its types come from the npm package. */
const { Calendar } = /** @type {{ FullCalendar: typeof import("fullcalendar") }} */ (
  /** @type {unknown} */ (globalThis)
).FullCalendar;
const configuration = JSON.parse(find("#calendar-configuration")?.textContent ?? "{}");
const texts = configuration.texts;
const root = /** @type {HTMLElement} */ (find("#calendar"));
const doctor = /** @type {HTMLSelectElement} */ (find("#calendar-doctor"));
const cancelled = /** @type {HTMLInputElement | null} */ (find("#calendar-cancelled"));
const book = /** @type {HTMLAnchorElement | null} */ (find("#calendar-book"));
const sheet = /** @type {HTMLAnchorElement | null} */ (find("#calendar-sheet"));
const dialog = /** @type {HTMLDialogElement} */ (find("#calendar-dialog"));
const isPhone = matchMedia("(max-width: 767px)").matches;

/** @param {"status" | "error"} kind @param {string} text */
function showMessage(kind, text) {
  for (const each of ["status", "error"]) {
    const element = find(`#calendar-${each}`);
    if (element) element.textContent = each === kind ? text : "";
  }
}

/** @param {Appointment} appointment */
function toEvent(appointment) {
  const title = [appointment.patient, doctor.value ? "" : appointment.doctor]
    .filter(Boolean)
    .join(", ");
  return {
    id: appointment.id,
    start: appointment.start,
    end: appointment.end,
    title,
    url: appointment.url,
    interactive: Boolean(appointment.url ?? appointment.reason),
    startEditable: Boolean(appointment.isMovable),
    classNames: ["appointment", `appointment-${appointment.status}`],
    extendedProps: appointment,
  };
}

/** @param {{ start: string, end: string, reason: string }} closed */
function toShade({ start, end, reason }) {
  return { start, end, title: reason, display: "background", classNames: ["closed"] };
}

/**
 * @param {{ startStr: string, endStr: string, end: Date }} range
 */
async function loadEvents(range) {
  const last = new Date(range.end.getTime() - 1).toISOString().slice(0, 10);
  const query = new URLSearchParams({
    from: range.startStr.slice(0, 10),
    until: last,
    doctor: doctor.value,
  });
  try {
    const response = await fetch(`${root.dataset.events}?${query}`);
    if (!response.ok) throw new Error(String(response.status));
    /** @type {Answer} */
    const answer = await response.json();
    showMessage("error", answer.isComplete ? "" : texts.incomplete);
    const shown = answer.events.filter(
      ({ status }) => status !== "cancelled" || cancelled?.checked,
    );
    widenHours(shown);
    // A list has no background.
    const shades = calendar.view.type.startsWith("list") ? [] : answer.closed.map(toShade);
    return [...shown.map(toEvent), ...shades];
  } catch {
    showMessage("error", texts.failed);
    return [];
  }
}

let [opens, closes] = [configuration.opens, configuration.closes];

/**
 * Show earlier and later hours, if appointments are then.
 *
 * @param {Appointment[]} appointments
 */
function widenHours(appointments) {
  let [first, last] = [opens, closes];
  for (const { start, end } of appointments) {
    const from = `${start.slice(11, 13)}:00:00`;
    const until = end.slice(0, 10) === start.slice(0, 10) ? end.slice(11, 19) : "24:00:00";
    if (from < first) first = from;
    if (until > last) last = until;
  }
  if (first === opens && last === closes) return;
  [opens, closes] = [first, last];
  queueMicrotask(() => {
    calendar.setOption("slotMinTime", first);
    calendar.setOption("slotMaxTime", last);
  });
}

/**
 * The content of an event: the time, the patient, and the status as a word and a sign, not as a colour only.
 *
 * @param {import("fullcalendar").EventContentArg} argument
 */
function showEvent({ event, timeText, view }) {
  if (event.display === "background")
    return { domNodes: [makeElement("span", "reason", event.title)] };
  const { kind, state, status } = event.extendedProps;
  const mark = makeElement("span", `mark mark-${status}`, "");
  mark.setAttribute("aria-hidden", "true");
  const isList = view.type.startsWith("list");
  const title = isList && event.url ? document.createElement("a") : document.createElement("span");
  if (title instanceof HTMLAnchorElement) title.href = event.url;
  title.className = "who";
  title.textContent = event.title;
  const details = makeElement("span", "details", [kind, state].filter(Boolean).join(" · "));
  const time = makeElement("span", "time", timeText);
  return { domNodes: isList ? [mark, title, details] : [mark, time, title, details] };
}

/** @param {string} tag @param {string} className @param {string} text */
function makeElement(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

/** @param {string} start A local time, "2026-11-30T10:00:00". */
function bookingUrl(start) {
  if (!book) return "";
  const url = new URL(book.href);
  url.search = new URLSearchParams({
    ...(doctor.value ? { doctor_name: doctor.value } : {}),
    ...(start ? { starts_at: start } : {}),
    calendar: doctor.value,
  }).toString();
  return url.href;
}

/** @param {string} question */
function ask(question) {
  const text = find("#calendar-question");
  if (text) text.textContent = question;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

/** @param {string} start */
function formatStart(start) {
  return calendar.formatDate(start, {
    weekday: "short",
    day: "numeric",
    month: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hour12: false,
  });
}

/** @param {import("fullcalendar").EventDropArg} drop */
async function moveEvent({ event, oldEvent, revert }) {
  const { patient, version, moveUrl } = event.extendedProps;
  const question = texts.move
    .replace("{patient}", patient)
    .replace("{from}", formatStart(oldEvent.startStr))
    .replace("{to}", formatStart(event.startStr));
  if (!(await ask(question))) return revert();
  root.ariaBusy = "true";
  const outcome = await requestMove(moveUrl, { start: event.startStr.slice(0, 19), version });
  if (outcome.kind === "error") revert();
  await reload();
  showMessage(outcome.kind, outcome.text); // after the reload, which clears old messages
  root.ariaBusy = "false";
}

/**
 * Move an appointment on the server; return the message to show.
 *
 * @param {string} url
 * @param {{ start: string, version: string }} move
 * @returns {Promise<{ kind: "status" | "error", text: string }>}
 */
async function requestMove(url, move) {
  const token = /** @type {HTMLInputElement | null} */ (find("[name=csrfmiddlewaretoken]"));
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "X-CSRFToken": token?.value ?? "" },
      body: new URLSearchParams(move),
    });
    const answer = await response.json();
    if (response.ok) return { kind: "status", text: answer.message };
    return { kind: "error", text: answer.message ?? texts.notMoved };
  } catch {
    return { kind: "error", text: texts.notMoved };
  }
}

/** Read the events again, and wait for them. */
function reload() {
  return new Promise((resolve) => {
    const handle = (/** @type {boolean} */ isLoading) => {
      if (isLoading) return;
      calendar.setOption("loading", undefined);
      resolve(undefined);
    };
    calendar.setOption("loading", handle);
    calendar.refetchEvents();
  });
}

/** Write date, view and professional into the address and the links, so that "back" returns to them. */
function rememberPlace() {
  const day = calendar.getDate().toISOString().slice(0, 10);
  const place = new URLSearchParams({ date: day, view: calendar.view.type });
  if (doctor.value) place.set("doctor", doctor.value);
  history.replaceState(null, "", `?${place}`);
  if (sheet) sheet.search = new URLSearchParams({ date: day, doctor: doctor.value }).toString();
  if (book) book.href = bookingUrl("");
}

/** @returns {string} The local time of the clinic now. */
function now() {
  const parts = new Date().toLocaleString("sv-SE", { timeZone: configuration.timeZone });
  return parts.replace(" ", "T");
}

const slot = `${String(Math.floor(configuration.slotMinutes / 60)).padStart(2, "0")}:${String(
  configuration.slotMinutes % 60,
).padStart(2, "0")}:00`;

root.classList.toggle("short-slots", configuration.slotMinutes < 30);
const calendar = new Calendar(root, {
  locale: "es",
  timeZone: configuration.timeZone,
  now,
  initialDate: configuration.date,
  initialView: configuration.view || (isPhone ? "timeGridDay" : "timeGridWeek"),
  headerToolbar: {
    left: "prev,next today",
    center: "title",
    right: "timeGridWeek,timeGridDay,listWeek",
  },
  buttonIcons: false, // the icons have no text that a screen reader could say
  buttonText: { prev: "‹", next: "›", week: texts.week, day: texts.day, list: texts.list },
  noEventsText: texts.none,
  allDaySlot: false,
  nowIndicator: true,
  navLinks: true,
  slotDuration: slot,
  slotLabelInterval: "01:00:00",
  slotLabelFormat: { hour: "2-digit", minute: "2-digit", hour12: false },
  eventTimeFormat: { hour: "2-digit", minute: "2-digit", hour12: false },
  views: { timeGrid: { displayEventEnd: false } },
  slotMinTime: opens,
  slotMaxTime: closes,
  slotEventOverlap: false,
  height: "auto",
  eventStartEditable: configuration.mayMove,
  eventDurationEditable: false,
  longPressDelay: 600,
  events: loadEvents,
  eventContent: showEvent,
  eventDidMount: ({ el, event }) => {
    if (event.extendedProps.reason) el.title = event.extendedProps.reason;
  },
  eventClick: ({ event }) => {
    if (!event.url && event.extendedProps.reason) showMessage("status", event.extendedProps.reason);
  },
  eventDrop: moveEvent,
  datesSet: rememberPlace,
  dateClick: ({ dateStr, view }) => {
    if (configuration.mayBook && view.type.startsWith("timeGrid")) {
      location.assign(bookingUrl(dateStr.slice(0, 19)));
    }
  },
});
calendar.render();
doctor.addEventListener("change", () => {
  rememberPlace();
  calendar.refetchEvents();
});
cancelled?.addEventListener("change", () => calendar.refetchEvents());

export {};
