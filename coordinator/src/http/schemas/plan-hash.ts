import Type from 'typebox';

export const PlanHash = Type.Object(
  {
    /** The hash of the plan that was looked at: refused when the plan would be another by now. */
    planHash: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  },
  { additionalProperties: false },
);
