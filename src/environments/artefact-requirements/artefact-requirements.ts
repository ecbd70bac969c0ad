/** What an artefact itself says that it needs. */
export interface ArtefactRequirements {
  /** Lines of a requirements.txt. */
  readonly requirements?: string;
  readonly python?: PythonWish;
  /** What the model's status should say of what could not be read. */
  readonly warnings?: readonly string[];
}

/** A version of Python as PEP 440 specifies it, such as ">=3.10,<3.13" or "==3.11.*". */
export interface PythonWish {
  readonly specifier: string;
  /** Served with no other; else the best one that is there serves, with a warning. */
  readonly required: boolean;
}
