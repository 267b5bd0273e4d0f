"""The staff page on which the business is described: a form, a preview of what the assistant says, the history."""

from typing import Any, override

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from appointments import clinic
from business import services
from business.admin_records import Profile
from business.domain import (
    MAX_LENGTHS,
    MAX_PERSONA_LENGTH,
    MAX_VERSIONS_SHOWN,
    BusinessProfile,
    ProfileVersion,
    changed_fields,
)
from common import clock
from common.errors import InvalidFieldError, StaleVersionError
from voice.calls.configuration import current_business
from voice.prompts import build_system_prompt, load_directives
from voice.prompts.business import DEFAULT_EMERGENCY
from voice.prompts.personas import persona_of
from voice.sonic.families import family_of

LANGUAGE = "es"
PERSONA_PREFIX = "persona_"
LABELS = {
    "name": gettext_lazy("name of the business"),
    "address": gettext_lazy("address"),
    "phone": gettext_lazy("phone number"),
    "handover": gettext_lazy("phone number for those who ask for a person"),
    "takes_messages": gettext_lazy("the assistant takes messages for the staff"),
    "emergency": gettext_lazy("in an emergency, the customer is told"),
    "notes": gettext_lazy("what else the assistant should know"),
    "personas": gettext_lazy("the assistant's name"),
}


class ProfileForm(forms.Form):
    """The texts of the business; what is left empty comes from the settings."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    name = forms.CharField(max_length=MAX_LENGTHS["name"])
    address = forms.CharField(max_length=MAX_LENGTHS["address"])
    phone = forms.CharField(max_length=MAX_LENGTHS["phone"])
    handover = forms.CharField(max_length=MAX_LENGTHS["handover"])
    takes_messages = forms.BooleanField()
    emergency = forms.CharField(max_length=MAX_LENGTHS["emergency"], widget=forms.Textarea)
    notes = forms.CharField(max_length=MAX_LENGTHS["notes"], widget=forms.Textarea)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        defaults = {
            "name": settings.BUSINESS_NAME,
            "address": settings.BUSINESS_ADDRESS,
            "phone": settings.BUSINESS_PHONE,
            "handover": settings.HANDOVER or settings.BUSINESS_PHONE,
            "emergency": DEFAULT_EMERGENCY,
        }
        for name, field in self.fields.items():
            if name != "version":
                field.required = False
                field.label = capfirst(str(LABELS[name]))
                if default := defaults.get(name):
                    field.help_text = _("If it is empty: %(default)s") % {"default": default}
        for voice in settings.NOVA_SONIC_VOICES:
            self.fields[PERSONA_PREFIX + voice] = forms.CharField(
                label=capfirst(
                    _("name of the assistant with the voice %(voice)s") % {"voice": voice}
                ),
                help_text=_("If it is empty: %(default)s") % {"default": persona_of(voice).name},
                max_length=MAX_PERSONA_LENGTH,
                required=False,
            )
        for field in self.fields.values():
            if isinstance(field.widget, forms.Textarea):
                field.widget.attrs |= {"rows": 3, "class": "vLargeTextField"}
            elif isinstance(field.widget, forms.TextInput):
                field.widget.attrs["class"] = "vTextField"

    @classmethod
    def initial_of(cls, profile: BusinessProfile, number: int) -> dict[str, Any]:
        """Return the form's initial values for a profile behind version `number`."""
        personas = {PERSONA_PREFIX + voice: name for voice, name in profile.personas.items()}
        return {"version": number, **profile.to_json(), **personas}

    def profile(self) -> BusinessProfile:
        """Return what was typed."""
        values = dict(self.cleaned_data)
        del values["version"]
        personas = {
            name.removeprefix(PERSONA_PREFIX): values.pop(name)
            for name in list(values)
            if name.startswith(PERSONA_PREFIX)
        }
        return BusinessProfile(**values, personas={k: v for k, v in personas.items() if v})

    def add_refusal(self, error: InvalidFieldError) -> None:
        """Show an error at its field."""
        name = str(error.data["field"])
        self.add_error(name if name in self.fields else None, error.message)


@admin.register(Profile)
class ProfileAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    """One page in place of a list: the form, its preview, and the history."""

    @override
    def get_urls(self) -> list[URLPattern]:
        """Return the path of the page alone: the records of the others would be in SQL."""
        return [each for each in super().get_urls() if each.name == "business_profile_changelist"]

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @override
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the form; preview or save what was typed."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        if request.method == "POST" and not self.has_change_permission(request):
            raise PermissionDenied
        current, versions = services.get_profile(), services.list_versions()
        form = ProfileForm(request.POST or None, initial=_initial(request, current, versions))
        for field in form.fields.values():
            field.disabled = not self.has_change_permission(request)
        profile = current.profile
        if request.method == "POST" and form.is_valid():
            profile = form.profile()
            if self._save_or_refuse(request, form, profile):
                return HttpResponseRedirect(reverse("admin:business_profile_changelist"))
        context = {
            **self.admin_site.each_context(request),
            **(extra_context or {}),
            "title": _("What the assistant knows"),
            "opts": self.opts,
            "form": form,
            "may_change": self.has_change_permission(request),
            "preview": _preview(profile),
            "versions": _history(versions),
        }
        return TemplateResponse(request, "admin/business_profile.html", context)

    def _save_or_refuse(
        self, request: HttpRequest, form: ProfileForm, profile: BusinessProfile
    ) -> bool:
        """Save what was typed, if that was asked for; return whether it is stored."""
        try:
            services.validate_profile(profile)
            if "preview" in request.POST:
                return False
            follows = form.cleaned_data["version"]
            saved = services.save_profile(
                profile,
                follows=follows,
                saved_by=request.user.get_username(),
                now=clock.now(),
            )
        except InvalidFieldError as error:
            form.add_refusal(error)
            return False
        except StaleVersionError as error:
            form.add_error(None, error.message)
            return False
        if saved.number == follows:
            self.message_user(
                request, _("It was so already; nothing was changed."), messages.WARNING
            )
        else:
            text = _("Saved. Calls that begin from now on know it, on all servers within seconds.")
            self.message_user(request, text, messages.SUCCESS)
        return True


def _initial(
    request: HttpRequest, current: ProfileVersion, versions: list[ProfileVersion]
) -> dict[str, Any]:
    """Return the values of the current version, or of the earlier one that the URL names."""
    wanted = request.GET.get("version")
    shown = next((each for each in versions if str(each.number) == wanted), current)
    return ProfileForm.initial_of(shown.profile, current.number)


def _preview(profile: BusinessProfile) -> list[dict[str, str]]:
    """Return what the assistant says and knows, by voice."""
    business, family = current_business(profile), family_of(settings.NOVA_SONIC_MODEL_ID)
    return [
        {
            "voice": voice,
            "greeting": _quoted(
                load_directives(language=LANGUAGE, voice=voice, business=business).greeting
            ),
            "prompt": build_system_prompt(
                language=LANGUAGE,
                family=family.name,
                voice=voice,
                business=business,
                now=clock.now(),
                time_zone=clinic.time_zone(),
            ),
        }
        for voice in settings.NOVA_SONIC_VOICES
    ]


def _quoted(directive: str) -> str:
    """Return what a directive lets the assistant say."""
    return directive.partition("«")[2].rpartition("»")[0]


def _history(versions: list[ProfileVersion]) -> list[dict[str, Any]]:
    """Return the versions with what each changed, the latest first."""
    earlier = [*versions, ProfileVersion()][1:]
    return [
        {
            "version": version,
            "changes": [
                {
                    "label": LABELS[name],
                    "before": _shown(getattr(before.profile, name)),
                    "after": _shown(getattr(version.profile, name)),
                }
                for name in changed_fields(before.profile, version.profile)
            ],
        }
        for version, before in zip(versions[:MAX_VERSIONS_SHOWN], earlier, strict=False)
    ]


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, dict):
        return ", ".join(f"{voice}: {name}" for voice, name in value.items()) or "–"
    return str(value) or "–"
