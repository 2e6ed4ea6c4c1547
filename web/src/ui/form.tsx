import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Problem, type FieldError } from "../lib/problem.ts";
import { describe, describeField } from "./describe.ts";
import { Notice } from "./notice.tsx";

export interface Form<V> {
  values: V;
  set<K extends keyof V>(name: K, value: V[K]): void;
  reset(values: V): void;
  isBusy: boolean;
  /** Why the last try failed; null before one, and after a success. */
  error: unknown;
  /** What is wrong with this field, by its path in the request. */
  wrongWith(name: string): FieldError | undefined;
  /** Of the last try, what no field of the form shows. */
  unplaced(): readonly FieldError[];
  shows(name: string): void;
  submit: (event: Event) => void;
  ref: { current: HTMLFormElement | null };
}

/** A form's values and what the server said of them. While it is busy it is not sent again. */
export function useForm<V extends object>(initial: V, send: (values: V) => Promise<unknown>): Form<V> {
  const [values, setValues] = useState(initial);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const ref = useRef<HTMLFormElement | null>(null);
  const shown = useRef(new Set<string>());
  const fields = error instanceof Problem ? error.fields : [];

  useEffect(() => {
    // to the first field that needs another look
    if (error !== null) ref.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [error]);

  const go = async (): Promise<void> => {
    setBusy(true);
    try {
      await send(values);
      setError(null);
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return {
    values,
    set: (name, value) => setValues((before) => ({ ...before, [name]: value })),
    reset(next) {
      setValues(next);
      setError(null);
    },
    isBusy,
    error,
    wrongWith: (name) => fields.find(({ field }) => field === name),
    unplaced: () => fields.filter(({ field }) => !shown.current.has(field)),
    shows: (name) => void shown.current.add(name),
    submit(event) {
      event.preventDefault();
      if (!isBusy) void go();
    },
    ref,
  };
}

interface FormProps<V> {
  of: Form<V>;
  class?: string;
  label?: string;
  children: ComponentChildren;
}

export function FormBox<V extends object>({ of, class: name = "form", label, children }: FormProps<V>) {
  return (
    <form class={name} noValidate onSubmit={of.submit} ref={of.ref} aria-label={label} aria-busy={of.isBusy}>
      {children}
      <FormError of={of} />
    </form>
  );
}

/** Why the form was refused, as far as no field says it. */
function FormError<V extends object>({ of }: { of: Form<V> }) {
  if (of.error === null) return null;
  const unplaced = of.unplaced();
  return (
    <Notice kind="bad">
      {describe(of.error)}
      {unplaced.map(({ field, ...rest }) => (
        <span key={field} class="block">
          {field}: {describeField({ field, ...rest })}
        </span>
      ))}
    </Notice>
  );
}

type Names<V> = Extract<keyof V, string>;

interface FieldProps<V> {
  form: Form<V>;
  name: Names<V>;
  label: string;
  hint?: string | undefined;
  /** Its path in the request where that is not its name. */
  path?: string;
}

interface InputProps<V> extends FieldProps<V> {
  type?: "text" | "email" | "password" | "tel" | "search";
  autocomplete?: string;
  inputMode?: "numeric" | "decimal";
  placeholder?: string;
  required?: boolean;
  multiline?: boolean;
}

/** A text field with its label, and what the server says of it. */
export function Field<V extends object>(props: InputProps<V>) {
  const {
    form,
    name,
    type = "text",
    autocomplete,
    inputMode,
    placeholder,
    required = false,
    multiline = false,
  } = props;
  return (
    <Labelled {...props}>
      {(described) => {
        const common = {
          ...described,
          name,
          required,
          placeholder,
          value: String(form.values[name] ?? ""),
          onInput: (event: Event) => form.set(name, (event.currentTarget as HTMLInputElement).value as V[typeof name]),
        };
        return multiline ? (
          <textarea rows={3} {...common} />
        ) : (
          <input
            {...common}
            {...({ type } as { type: "text" })}
            autocomplete={autocomplete ?? "off"}
            inputMode={inputMode}
          />
        );
      }}
    </Labelled>
  );
}

interface SelectProps<V> extends FieldProps<V> {
  options: readonly (readonly [value: string, label: string])[];
  autocomplete?: string;
}

export function Select<V extends object>(props: SelectProps<V>) {
  const { form, name, options, autocomplete } = props;
  return (
    <Labelled {...props}>
      {(described) => (
        <select
          {...described}
          name={name}
          autocomplete={autocomplete}
          value={String(form.values[name] ?? "")}
          onChange={(event) => form.set(name, event.currentTarget.value as V[typeof name])}
        >
          {options.map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      )}
    </Labelled>
  );
}

interface Described {
  id: string;
  "aria-invalid": boolean;
  "aria-describedby": string | undefined;
}

interface LabelledProps<V> extends FieldProps<V> {
  required?: boolean;
  children: (described: Described) => ComponentChildren;
}

function Labelled<V extends object>(props: LabelledProps<V>) {
  const { form, name, label, hint, path = name, required = false, children } = props;
  const id = useId();
  form.shows(path);
  const wrong = form.wrongWith(path);
  const describedBy = [wrong && `${id}-wrong`, hint && `${id}-hint`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>
        {label}
        {required && <span aria-hidden="true"> *</span>}
      </label>
      {children({ id, "aria-invalid": wrong !== undefined, "aria-describedby": describedBy || undefined })}
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {wrong && (
        <p class="wrong" id={`${id}-wrong`}>
          {describeField(wrong)}
        </p>
      )}
    </div>
  );
}
