// Package value has the types of fields that Go itself has not: amounts of money and days.
package value

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

const (
	moneyDigits = 16 // before the point
	dayLayout   = time.DateOnly
)

var (
	errMoney = errors.New("must be an amount with at most two decimals")
	errDay   = errors.New("must be a date such as 2026-01-31")

	amount = regexp.MustCompile(`^(-?)0*([0-9]{1,` + strconv.Itoa(moneyDigits) + `})(?:\.([0-9]{1,2})0*)?$`)
)

// Money is an amount in hundredths, written with two decimals.
type Money int64

// ParseMoney reads an amount such as 12.50.
func ParseMoney(text string) (Money, error) {
	parts := amount.FindStringSubmatch(text)
	if parts == nil {
		return 0, errMoney
	}
	cents, err := strconv.ParseInt(parts[1]+parts[2]+(parts[3] + "00")[:2], 10, 64)
	if err != nil {
		return 0, errMoney
	}
	return Money(cents), nil
}

func (m Money) String() string {
	sign, cents := "", int64(m)
	if cents < 0 {
		sign, cents = "-", -cents
	}
	return fmt.Sprintf("%s%d.%02d", sign, cents/100, cents%100)
}

// MarshalText writes the amount as text, for a binary number would not be exact.
func (m Money) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalJSON reads text or a number.
func (m *Money) UnmarshalJSON(data []byte) error {
	parsed, err := ParseMoney(strings.Trim(string(data), `"`))
	if err != nil {
		return err
	}
	*m = parsed
	return nil
}

// NumericValue gives the amount to PostgreSQL.
func (m Money) NumericValue() (pgtype.Numeric, error) {
	return pgtype.Numeric{Int: big.NewInt(int64(m)), Exp: -2, Valid: true}, nil
}

// ScanNumeric takes an amount from PostgreSQL.
func (m *Money) ScanNumeric(number pgtype.Numeric) error {
	text, err := number.MarshalJSON()
	if err != nil {
		return fmt.Errorf("money: %w", err)
	}
	return m.UnmarshalJSON(text)
}

// Day is a date without a time.
type Day struct {
	at time.Time
}

// ParseDay reads a date such as 2026-01-31.
func ParseDay(text string) (Day, error) {
	at, err := time.Parse(dayLayout, text)
	if err != nil || at.Year() < 1 {
		return Day{}, errDay
	}
	return Day{at: at}, nil
}

// Time is the beginning of the day in UTC.
func (d Day) Time() time.Time { return d.at }

func (d Day) String() string { return d.at.Format(dayLayout) }

// MarshalText writes the day.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalJSON reads the day.
func (d *Day) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return errDay
	}
	parsed, err := ParseDay(text)
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// DateValue gives the day to PostgreSQL.
func (d Day) DateValue() (pgtype.Date, error) { return pgtype.Date{Time: d.at, Valid: true}, nil }

// ScanDate takes a day from PostgreSQL.
func (d *Day) ScanDate(date pgtype.Date) error {
	d.at = date.Time
	return nil
}

// Must is for values that are known to be valid, such as defaults in code.
func Must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
